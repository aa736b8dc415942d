# One `aizuchi dev` on free ports with a folder of its own. Sourced by the test drivers; the
# repository's folder is the current one.

# So long may it take to start: many times what it takes here.
DEV_START_S=180

DEV_CARD=
DEV_PID=
dev_folder=

# dev_start [OPTION ...]: builds and starts it, and waits for its card: one line of JSON.
dev_start() {
    local end
    cargo build -p aizuchi --locked
    dev_folder=$(mktemp -d)
    "${CARGO_TARGET_DIR:-target}/debug/aizuchi" dev --data "$dev_folder/data" --https-port 0 --http-port 0 \
        --mtls-port 0 --json "$@" >"$dev_folder/card.json" 2>"$dev_folder/log" &
    DEV_PID=$!
    end=$((SECONDS + DEV_START_S))
    while [ $SECONDS -lt $end ]; do
        if [ "$(wc -l <"$dev_folder/card.json")" -ge 1 ]; then break; fi
        kill -0 "$DEV_PID" 2>/dev/null || { cat "$dev_folder/log" >&2; echo "aizuchi dev ended by itself" >&2; return 1; }
        sleep 0.1
    done
    DEV_CARD=$(head -n 1 "$dev_folder/card.json")
    [ -n "$DEV_CARD" ] || { cat "$dev_folder/log" >&2; echo "aizuchi dev printed no card within $DEV_START_S s" >&2; return 1; }
}

# dev_fact FILTER: one fact of the card.
dev_fact() { jq -er "$1" <<<"$DEV_CARD"; }

# The last lines of its log, for whoever looks for the cause of a failure.
dev_log() { tail -n "${1:-40}" "$dev_folder/log"; }

dev_stop() {
    if [ -n "$DEV_PID" ]; then
        kill -TERM "$DEV_PID" 2>/dev/null || true
        wait "$DEV_PID" 2>/dev/null || true
        DEV_PID=
    fi
    if [ -n "$dev_folder" ]; then
        rm -rf "$dev_folder"
        dev_folder=
    fi
}
