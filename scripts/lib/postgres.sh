# A PostgreSQL for one run: own data folder, free port of 127.0.0.1, own password, and a user
# that is not root, as PostgreSQL demands; with TLS for who asks for it (POSTGRES_CA vouches).
# Durability is off: it is thrown away at the end.
# Sourced by scripts/test and bench/run, from the repository's folder.
. scripts/lib/ports.sh

# So long may it take to start: many times what it takes here.
POSTGRES_START_S=180

POSTGRES_URL=
POSTGRES_SHOWN=
POSTGRES_CA=
POSTGRES_PID=
postgres_home=

# The folder that holds initdb, or nothing.
postgres_folder() {
    local found
    if found=$(command -v initdb); then dirname "$found"; return; fi
    found=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
    if [ -n "$found" ] && [ -x "$found/initdb" ]; then echo "$found"; fi
}

# Runs a command as the user that owns the data folder. It replaces this shell, so that its
# process id is the one we know.
as_postgres() {
    if [ "$(id -u)" -eq 0 ]; then
        exec setpriv --reuid postgres --regid postgres --clear-groups -- "$@"
    else
        exec "$@"
    fi
}

# A certificate for 127.0.0.1 and the authority that vouches for it, in postgres_home.
postgres_certificates() {
    local key=(-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes)
    cd "$postgres_home"
    openssl req -x509 "${key[@]}" -days 2 -subj "/CN=PostgreSQL of a run" -keyout ca.key -out ca.pem \
        -addext keyUsage=critical,keyCertSign
    openssl req "${key[@]}" -subj "/CN=PostgreSQL" -keyout server.key -out server.csr
    printf 'subjectAltName=IP:127.0.0.1\n' >names
    openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -set_serial 2 -days 2 -extfile names -out server.pem
    chmod 600 server.key
}

# postgres_start [SETTING=VALUE ...]
postgres_start() {
    local bin port password setting extra=()
    bin=$(postgres_folder)
    port=$(free_port)
    password=$(head -c 16 /dev/urandom | od -An -tx1 | tr -d ' \n')
    postgres_home=$(mktemp -d)
    printf '%s\n' "$password" >"$postgres_home/password"
    (postgres_certificates) >"$postgres_home/openssl.log" 2>&1 || { cat "$postgres_home/openssl.log" >&2; return 1; }
    if [ "$(id -u)" -eq 0 ]; then chown -R postgres:postgres "$postgres_home"; fi
    (cd "$postgres_home" && as_postgres "$bin/initdb" -D "$postgres_home/data" -U test -A md5 \
        --pwfile="$postgres_home/password" --no-sync -E UTF8 --locale=C) >"$postgres_home/initdb.log" 2>&1 ||
        { cat "$postgres_home/initdb.log" >&2; return 1; }
    for setting in listen_addresses=127.0.0.1 unix_socket_directories= fsync=off synchronous_commit=off \
        full_page_writes=off max_connections=300 shared_buffers=128MB autovacuum=off \
        ssl=on ssl_cert_file="$postgres_home/server.pem" ssl_key_file="$postgres_home/server.key" "$@"; do
        extra+=(-c "$setting")
    done
    (cd "$postgres_home" && as_postgres "$bin/postgres" -D "$postgres_home/data" -p "$port" "${extra[@]}") \
        >"$postgres_home/server.log" 2>&1 &
    POSTGRES_PID=$!
    POSTGRES_URL="postgres://test:$password@127.0.0.1:$port/postgres"
    POSTGRES_SHOWN="127.0.0.1:$port"
    POSTGRES_CA="$postgres_home/ca.pem"
    postgres_wait "$port" || { cat "$postgres_home/server.log" >&2; return 1; }
}

postgres_wait() {
    local end=$((SECONDS + POSTGRES_START_S))
    while [ $SECONDS -lt $end ]; do
        kill -0 "$POSTGRES_PID" 2>/dev/null || return 1
        if grep -q ready "$postgres_home/data/postmaster.pid" 2>/dev/null; then return 0; fi
        sleep 0.2
    done
    echo "PostgreSQL did not answer on port $1 within $POSTGRES_START_S s" >&2
    return 1
}

# SIGINT is PostgreSQL's fast shutdown: open connections are dropped.
postgres_stop() {
    if [ -n "$POSTGRES_PID" ]; then
        kill -INT "$POSTGRES_PID" 2>/dev/null || true
        wait "$POSTGRES_PID" 2>/dev/null || true
        POSTGRES_PID=
    fi
    if [ -n "$postgres_home" ]; then
        rm -rf "$postgres_home"
        postgres_home=
    fi
}
