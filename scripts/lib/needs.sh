# What the gate needs and how to get it on Debian. Sourced by scripts/test.

apt_refreshed=no

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

apt_install() {
    command -v apt-get >/dev/null || { echo "please install: $*" >&2; return 1; }
    echo "installing $*"
    if [ "$apt_refreshed" = no ]; then
        as_root apt-get update -qq
        apt_refreshed=yes
    fi
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

need_build_tools() {
    command -v cargo >/dev/null || { echo "cargo is missing: install a Rust toolchain first (CONTRIBUTING.md)" >&2; return 1; }
    command -v cc >/dev/null || apt_install build-essential
}

need_sdk_tools() {
    local missing=()
    command -v node >/dev/null || missing+=(nodejs)
    command -v npm >/dev/null || missing+=(npm)
    command -v python3 >/dev/null || missing+=(python3)
    python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
    command -v curl >/dev/null || missing+=(curl ca-certificates)
    command -v jq >/dev/null || missing+=(jq)
    [ ${#missing[@]} -eq 0 ] || apt_install "${missing[@]}"
}

# Chromium and Firefox, and letters for the languages of the pages.
need_browser() {
    local missing=()
    command -v chromium >/dev/null || missing+=(chromium)
    command -v firefox-esr >/dev/null || missing+=(firefox-esr)
    [ -n "$(fc-list 2>/dev/null | grep -i cjk)" ] || missing+=(fontconfig fonts-noto-core fonts-noto-cjk)
    [ ${#missing[@]} -eq 0 ] || apt_install "${missing[@]}"
}

need_postgres() {
    [ -z "$(postgres_folder)" ] || return 0
    # Debian's package makes and starts a cluster of its own unless told not to.
    if [ ! -e /etc/postgresql-common ]; then
        as_root mkdir -p /etc/postgresql-common/createcluster.d
        echo 'create_main_cluster = false' | as_root tee /etc/postgresql-common/createcluster.d/aizuchi.conf >/dev/null
    fi
    apt_install postgresql
    [ -n "$(postgres_folder)" ] || { echo "PostgreSQL is installed but initdb is not found" >&2; return 1; }
}
