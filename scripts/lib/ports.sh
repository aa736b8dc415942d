# Ports for programs that must be told theirs. Sourced by whoever starts such a program.

# A free port, and none that the system gives to whoever asks for any: it is still free when it is used.
free_port() {
    python3 - <<'PYTHON'
import random, socket
while True:
    port = random.randrange(12000, 32000)
    with socket.socket() as found:
        try:
            found.bind(("127.0.0.1", port))
        except OSError:
            continue
    print(port)
    break
PYTHON
}
