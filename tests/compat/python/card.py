"""What `aizuchi dev --json` printed, and the development tools it speaks of."""

import json
import os
import urllib.parse
import urllib.request

CARD = json.loads(os.environ["AIZUCHI_CARD"])
ISSUER = CARD["issuer"]
# For one answer: as long as the slowest machine may take.
PATIENCE_S = 60.0
DOMAIN = urllib.parse.urlsplit(ISSUER).netloc


def advance(seconds):
    """Moves the server's clock. Keep it small: the SDK's own clock stays where it is."""
    url = urllib.parse.urljoin(CARD["http"], f"dev/clock/advance?seconds={seconds}")
    urllib.request.urlopen(urllib.request.Request(url, method="POST")).close()


def pushes(token):
    """The pushes that went to a push token, newest first."""
    url = urllib.parse.urljoin(CARD["http"], "dev/tray/" + urllib.parse.quote(token, safe=""))
    with urllib.request.urlopen(url) as answer:
        return json.load(answer)
