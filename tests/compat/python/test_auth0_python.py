"""PyPI `auth0-python` 6.8.0: authentication and management."""

import json
import unittest
import uuid

import requests
from auth0.authentication import GetToken
from auth0.authentication.back_channel_login import BackChannelLogin
from auth0.authentication.exceptions import Auth0Error, RateLimitError
from auth0.authentication.revoke_token import RevokeToken
from auth0.authentication.token_verifier import AsymmetricSignatureVerifier, TokenVerifier
from auth0.management import ManagementClient
from auth0.management.core.api_error import ApiError

from card import CARD, DOMAIN, ISSUER, PATIENCE_S, advance
from phone import Phone

CLIENT = (CARD["client"]["client_id"], CARD["client"]["client_secret"])
MANAGEMENT = ManagementClient(
    domain=DOMAIN,
    client_id=CARD["management"]["client_id"],
    client_secret=CARD["management"]["client_secret"],
)
LATE_OR_DENIED = "The end-user denied the authorization request or it has been expired"


def someone():
    return MANAGEMENT.users.create(
        connection="Username-Password-Authentication",
        email=f"p-{uuid.uuid4()}@example.com",
        password=str(uuid.uuid4()),
    )


def someone_with_phone():
    user = someone()
    ticket = MANAGEMENT.guardian.enrollments.create_ticket(user_id=user.user_id).ticket_id
    page = requests.post(
        f"{ISSUER}appliance-mfa/api/start-flow",
        headers={"Authorization": f'Ticket id="{ticket}"'},
        json={"state_transport": "polling"},
        timeout=PATIENCE_S,
    )
    page.raise_for_status()
    return user, Phone(page.json()["enrollment_tx_id"])


def start(user, **more):
    hint = {"format": "iss_sub", "iss": ISSUER, "sub": user.user_id}
    return BackChannelLogin(DOMAIN, *CLIENT, timeout=PATIENCE_S).back_channel_login(
        binding_message="Pay 25.00, order #42",
        login_hint=json.dumps(hint),
        scope="openid offline_access transfer:funds",
        audience=CARD["api"]["identifier"],
        **more,
    )


def poll(started):
    return GetToken(DOMAIN, *CLIENT, timeout=PATIENCE_S).backchannel_login(auth_req_id=started["auth_req_id"])


class Auth0Python(unittest.TestCase):
    def assert_fails(self, call, status, code, text=None):
        with self.assertRaises(Auth0Error) as caught:
            call()
        self.assertEqual((status, code), (caught.exception.status_code, caught.exception.error_code))
        if text is not None:
            self.assertEqual(text, caught.exception.message)
        return caught.exception

    # W294: form start, JSON poll, JSON refresh with an empty scope and JSON revoke, tokens.
    def test_the_whole_loop_pending_approved_refreshed_revoked(self):
        user, phone = someone_with_phone()
        started = start(user)
        self.assertEqual((300, 5), (started["expires_in"], started["interval"]))
        pending = "The end-user authorization is pending"
        self.assert_fails(lambda: poll(started), 400, "authorization_pending", pending)
        phone.approves(phone.buzzes())
        tokens = poll(started)
        self.assertEqual("Bearer", tokens["token_type"])
        keys = AsymmetricSignatureVerifier(f"{ISSUER}.well-known/jwks.json")
        verifier = TokenVerifier(signature_verifier=keys, issuer=ISSUER, audience=CLIENT[0])
        self.assertEqual(user.user_id, verifier.verify(tokens["id_token"])["sub"])

        refreshed = GetToken(DOMAIN, *CLIENT, timeout=PATIENCE_S).refresh_token(tokens["refresh_token"])
        self.assertTrue(refreshed["access_token"])
        token = refreshed.get("refresh_token", tokens["refresh_token"])
        RevokeToken(DOMAIN, *CLIENT, timeout=PATIENCE_S).revoke_refresh_token(token)
        again = lambda: GetToken(DOMAIN, *CLIENT, timeout=PATIENCE_S).refresh_token(token)
        self.assert_fails(again, 403, "invalid_grant", "Unknown or invalid refresh token.")

    # W294: a refused request and an expired one, as the SDK surfaces them.
    def test_a_refusal_and_an_expiry_are_the_same_error(self):
        user, phone = someone_with_phone()
        refused = start(user)
        phone.denies(phone.buzzes())
        self.assert_fails(lambda: poll(refused), 400, "access_denied", LATE_OR_DENIED)
        late = start(user, requested_expiry=1)
        self.assertEqual(1, late["expires_in"])
        advance(2)
        self.assert_fails(lambda: poll(late), 400, "access_denied", LATE_OR_DENIED)

    def test_asking_again_at_once_is_a_rate_limit_error(self):
        user, _ = someone_with_phone()
        started = start(user)
        self.assert_fails(lambda: poll(started), 400, "authorization_pending")
        with self.assertRaises(RateLimitError) as caught:
            poll(started)
        self.assertEqual("slow_down", caught.exception.error_code)

    def test_an_approval_is_exchanged_once(self):
        user, phone = someone_with_phone()
        started = start(user)
        phone.approves(phone.buzzes())
        poll(started)
        self.assert_fails(lambda: poll(started), 403, "invalid_grant", "Invalid or expired auth_req_id")

    def test_a_user_without_a_phone_cannot_be_asked(self):
        error = self.assert_fails(lambda: start(someone()), 400, "invalid_request")
        self.assertIn("User does not have push notifications set up", error.message)

    def test_users_are_found_by_id_and_e_mail_and_a_list_has_an_end(self):
        user = someone()
        for query in (f'user_id:"{user.user_id}"', f'email:"{user.email}"'):
            found = [one.user_id for one in MANAGEMENT.users.list(q=query)]
            self.assertEqual([user.user_id], found)
        found = MANAGEMENT.users.list_users_by_email(email=user.email)
        self.assertEqual([user.user_id], [one.user_id for one in found])

    def test_a_ticket_an_enrollment_and_its_end(self):
        user, phone = someone_with_phone()
        ticket = MANAGEMENT.guardian.enrollments.create_ticket(user_id=user.user_id)
        self.assertRegex(ticket.ticket_id, "^[A-Za-z0-9]{32}$")
        listed = MANAGEMENT.users.enrollments.get(user.user_id)
        self.assertEqual([phone.account["id"]], [one.id for one in listed])
        self.assertEqual("confirmed", MANAGEMENT.guardian.enrollments.get(phone.account["id"]).status)
        MANAGEMENT.guardian.enrollments.delete(phone.account["id"])
        self.assertEqual([], MANAGEMENT.users.enrollments.get(user.user_id))
        with self.assertRaises(ApiError) as caught:
            MANAGEMENT.guardian.enrollments.get(phone.account["id"])
        self.assertEqual(404, caught.exception.status_code)


if __name__ == "__main__":
    unittest.main()
