"""Asks a person by CIBA with PyPI's auth0-python.

Configuration: ../env.sh. Exit: 0 approved, 1 denied, 2 expired, 3 anything else.
"""

import json
import os
import sys
import time
import urllib.parse

import jwt
from auth0.authentication import GetToken
from auth0.authentication.back_channel_login import BackChannelLogin
from auth0.authentication.exceptions import Auth0Error
from auth0.management import ManagementClient
from auth0.management.core.api_error import ApiError

CLOCK_SKEW_S = 60
APPROVED, DENIED, EXPIRED, FAILED = range(4)

ISSUER = os.environ["CIBA_ISSUER"]
# The SDK's "domain" may have a port.
DOMAIN = urllib.parse.urlsplit(ISSUER).netloc
CLIENT = (DOMAIN, os.environ["CIBA_CLIENT_ID"], os.environ["CIBA_CLIENT_SECRET"])


def find_user(email):
    """Step 1: CIBA names people by user id, the Management API knows who has an e-mail address."""
    management = ManagementClient(
        domain=DOMAIN,
        client_id=os.environ["CIBA_MANAGEMENT_CLIENT_ID"],
        client_secret=os.environ["CIBA_MANAGEMENT_CLIENT_SECRET"],
    )
    found = management.users.list_users_by_email(email=email)
    if not found:
        raise LookupError(f"nobody has the address {email}")
    return found[0].user_id


def start(user_id):
    """Step 1: the request. Step 2 is its answer, which names the request and says how often to look."""
    return BackChannelLogin(*CLIENT).back_channel_login(
        binding_message=os.environ["CIBA_MESSAGE"],
        login_hint=json.dumps({"format": "iss_sub", "iss": ISSUER, "sub": user_id}),
        scope=os.environ["CIBA_SCOPE"],
        # The SDK sends the text "None" for an audience of None: leave it out when there is none.
        audience=os.environ["CIBA_AUDIENCE"],
        requested_expiry=int(os.environ["CIBA_EXPIRY"]),
    )


def retry_after(error):
    return int((error.headers or {}).get("Retry-After", 0))


def wait(started, deadline):
    """Step 3: polls no faster than allowed, until the person has answered. Steps 4 to 7 happen on
    the phone meanwhile. Step 8: the tokens, or DENIED or EXPIRED."""
    interval = started.get("interval", 5)
    while time.monotonic() < deadline:
        time.sleep(interval)
        try:
            return GetToken(*CLIENT).backchannel_login(auth_req_id=started["auth_req_id"])
        except Auth0Error as error:
            if error.error_code in ("slow_down", "too_many_requests"):
                interval = max(interval + 5, retry_after(error))
                print(f"slower: every {interval} s", file=sys.stderr)
            elif error.error_code == "access_denied":
                # Auth0's dialect has this word for a request that ran out, too; the clock tells.
                return DENIED if time.monotonic() < deadline else EXPIRED
            elif error.error_code == "expired_token":
                return EXPIRED
            elif error.error_code != "authorization_pending":
                raise
    return EXPIRED


def who(id_token):
    """The SDK hands the ID token over unchecked, and its own verifier fails at a key set that has
    other keys than RSA ones. PyJWT, on which it stands, does not."""
    key = jwt.PyJWKClient(f"{ISSUER}.well-known/jwks.json").get_signing_key_from_jwt(id_token)
    return jwt.decode(
        id_token, key, algorithms=["RS256"], issuer=ISSUER, audience=CLIENT[1], leeway=CLOCK_SKEW_S
    )


def main():
    user_id = find_user(os.environ["CIBA_EMAIL"])
    begun = time.monotonic()
    try:
        started = start(user_id)
    except Auth0Error as error:
        # One person is asked five times a minute at most.
        again = f", try again in {retry_after(error)} s" if error.status_code == 429 else ""
        raise RuntimeError(f"not asked: {error.error_code}: {error.message}{again}") from error
    print(f"asked {user_id}")
    print(f"auth_req_id {started['auth_req_id']}", flush=True)
    # Where the client or the tenant asks for a number, the person enters it on the phone.
    if "match_code" in started:
        print(f"enter {started['match_code']} on the phone", flush=True)
    outcome = wait(started, begun + started["expires_in"])
    if outcome in (DENIED, EXPIRED):
        print("denied" if outcome == DENIED else "expired", file=sys.stderr)
        return outcome
    claims = who(outcome["id_token"])
    print(f"approved by {claims['sub']} {claims.get('name', '')}")
    return APPROVED


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (ApiError, Auth0Error, jwt.PyJWTError, LookupError, RuntimeError) as error:
        print(error, file=sys.stderr)
        sys.exit(FAILED)
