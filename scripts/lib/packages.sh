# Packages of other languages, as their lock files pin them; nothing is done where they are there
# already. Sourced by the test drivers.

# npm_packages FOLDER: into its node_modules.
npm_packages() {
    local pinned=$1/package-lock.json there=$1/node_modules/.installed-lock.json
    if cmp -s "$pinned" "$there"; then return; fi
    (cd "$1" && npm ci --no-audit --no-fund --loglevel=error)
    cp "$pinned" "$there"
}

# pip_packages FOLDER: what its requirements.txt pins, into its .venv.
pip_packages() {
    local pinned=$1/requirements.txt venv=$1/.venv
    if cmp -s "$pinned" "$venv/installed.txt"; then return; fi
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes -r "$pinned"
    cp "$pinned" "$venv/installed.txt"
}
