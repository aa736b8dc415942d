"""Runs the shell blocks of a document that a comment tags: <!-- gate: run, expects "text" -->

All blocks share one shell, as they share one terminal for a reader. A block passes when the shell
gets through it and its output holds the text. Usage: blocks.py DOCUMENT FOLDER
"""

import pathlib
import re
import subprocess
import sys

BLOCK = re.compile(r'<!-- gate: run(?:, expects "([^"]*)")? -->\n```sh\n(.*?)```\n', re.DOTALL)
MARK = "@@ block"
# Many times what it takes here.
LONGEST_S = 600


def main(document, folder):
    text = pathlib.Path(document).read_text()
    blocks = BLOCK.findall(text)
    if len(blocks) != text.count("<!-- gate:") or not blocks:
        print("a gate comment does not stand directly above a sh block")
        return 1
    script = "".join(f"echo '{MARK} {n}'\n{code}" for n, (_, code) in enumerate(blocks))
    shell = subprocess.run(
        ["bash", "-c", "set -euo pipefail\n" + script + f"echo '{MARK} end'\n"],
        cwd=folder, capture_output=True, text=True, timeout=LONGEST_S, check=False,
    )
    outputs = re.split(rf"^{MARK} (?:\d+|end)\n", shell.stdout, flags=re.MULTILINE)[1:]
    passed = 0
    for n, (expected, code) in enumerate(blocks):
        # The shell got through a block when the next one's mark was printed.
        done = n + 1 < len(outputs)
        if done and expected in outputs[n]:
            passed += 1
            continue
        why = f'"{expected}" is not in its output' if done else "the shell did not get through it"
        print(f"block {n + 1} failed: {why}\n{code}", *outputs[n : n + 1], sep="\n")
    if passed < len(blocks):
        print(shell.stderr)
    print(f"{passed} passed, {len(blocks) - passed} failed")
    return 0 if passed == len(blocks) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
