"""How long a restart takes with a million users: `bench/restart.py [path of aizuchi]`.

A server is set up on SQLite, its one user is multiplied, and `serve` is started again and again:
after an orderly stop, and after kill -9. Prints the milliseconds from the start of the process until
it says where it serves.
"""

import json
import pathlib
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time

USERS = 1_000_000
STARTS = 5
BINARY = sys.argv[1] if len(sys.argv) > 1 else "target/release/aizuchi"

# The one user that is there, under other ids and addresses.
NUMBERS = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < :users)"
IDENTITIES = f"""{NUMBERS}
    INSERT INTO user_identities (tenant_id, connection, identity_id, user_id, email)
    SELECT tenant_id, connection, identity_id || x, user_id || x, x || email FROM user_identities, n"""
PEOPLE = f"""{NUMBERS}
    INSERT INTO users (tenant_id, user_id, email, name, blocked, document, created_at, updated_at)
    SELECT tenant_id, user_id || x, x || email, name, blocked,
        replace(replace(document, email, x || email), substr(user_id, 7), substr(user_id, 7) || x),
        created_at + x, updated_at + x
    FROM users, n"""


def run(config, *arguments):
    command = [BINARY, *arguments, "--config", str(config)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def start(config):
    """The server and the milliseconds until it says where it serves."""
    begun = time.monotonic()
    server = subprocess.Popen([BINARY, "serve", "--config", str(config)], stderr=subprocess.PIPE, text=True)
    for line in server.stderr:
        if "serving on" in line:
            return server, (time.monotonic() - begun) * 1000
    sys.exit("it does not start")


def stop(server, how):
    server.send_signal(how)
    server.stderr.read()
    server.wait()


def main():
    with tempfile.TemporaryDirectory() as folder:
        config = pathlib.Path(folder, "aizuchi.toml")
        config.write_text(
            f'[server]\ndata_dir = "{folder}"\n[keys]\nroot = "{"5a" * 32}"\n'
            '[proxy]\ntrusted = ["127.0.0.1"]\n[listen]\nhttps = ""\nhttp = "127.0.0.1:0"\nops = ""\n'
        )
        stop(start(config)[0], signal.SIGTERM)
        made = json.loads(run(config, "user", "create", "seed@example.com", "--json"))
        database = sqlite3.connect(f"{folder}/aizuchi.db")
        for statement in (IDENTITIES, PEOPLE):
            database.execute(statement, {"users": USERS})
        database.commit()
        (users,) = database.execute("SELECT count(*) FROM users").fetchone()
        database.close()
        size = pathlib.Path(folder, "aizuchi.db").stat().st_size / 2**20
        print(f"{users} users like {made['user_id']}, {size:.0f} MiB")
        for how in (signal.SIGTERM, signal.SIGKILL):
            took = []
            for _ in range(STARTS):
                server, milliseconds = start(config)
                stop(server, how)
                took.append(f"{milliseconds:.0f}")
            print(f"after {how.name}: {', '.join(took)} ms")


main()
