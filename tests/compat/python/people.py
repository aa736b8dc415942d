"""People with phones, made by public paths only."""

import uuid

import requests

from card import CARD, ISSUER, PATIENCE_S
from phone import Phone


def call(path, body, headers):
    answer = requests.post(f"{ISSUER}{path}", json=body, headers=headers, timeout=PATIENCE_S)
    answer.raise_for_status()
    return answer.json()


def management(path, body):
    grant = {"grant_type": "client_credentials", "audience": f"{ISSUER}api/v2/", **CARD["management"]}
    token = call("oauth/token", grant, {})["access_token"]
    return call(f"api/v2/{path}", body, {"Authorization": f"Bearer {token}"})


def someone():
    """The id of a new user without any device."""
    user = {
        "connection": "Username-Password-Authentication",
        "email": f"p-{uuid.uuid4()}@example.com",
        "password": str(uuid.uuid4()),
    }
    return management("users", user)["user_id"]


def someone_with_phone():
    """The id of a new user, and the phone."""
    user = someone()
    ticket = management("guardian/enrollments/ticket", {"user_id": user})["ticket_id"]
    headers = {"Authorization": f'Ticket id="{ticket}"'}
    page = call("appliance-mfa/api/start-flow", {"state_transport": "polling"}, headers)
    return user, Phone(page["enrollment_tx_id"])
