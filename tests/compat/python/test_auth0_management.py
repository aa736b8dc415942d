"""PyPI `auth0-python` 6.8.0: the Management API beyond users and enrollments."""

import unittest
import uuid

from auth0.authentication import GetToken
from auth0.authentication.exceptions import Auth0Error
from auth0.management.core.api_error import ApiError

from card import CARD, DOMAIN, PATIENCE_S
from test_auth0_python import CLIENT, MANAGEMENT, poll, someone, someone_with_phone, start


def tokens_of(user, phone):
    started = start(user)
    phone.approves(phone.buzzes())
    return poll(started)


class Auth0PythonManagement(unittest.TestCase):
    def assert_refused(self, call, status, code):
        with self.assertRaises(ApiError) as caught:
            call()
        self.assertEqual(status, caught.exception.status_code)
        self.assertEqual(code, caught.exception.body.get("errorCode"))

    def assert_dead(self, token):
        with self.assertRaises(Auth0Error) as caught:
            GetToken(DOMAIN, *CLIENT, timeout=PATIENCE_S).refresh_token(token)
        self.assertEqual("invalid_grant", caught.exception.error_code)

    def test_the_log_is_searched_page_by_page_and_read_entry_by_entry(self):
        user, phone = someone_with_phone()
        tokens_of(user, phone)
        search = f'user_id:"{user.user_id}" AND type:ciba_*'
        entries = list(MANAGEMENT.logs.list(search=search, per_page=1))
        self.assertEqual(
            ["ciba_exchange_succeeded", "ciba_start_succeeded"], [entry.type for entry in entries]
        )
        one = MANAGEMENT.logs.get(entries[0].log_id)
        self.assertEqual(one.log_id, entries[0].log_id)
        of_user = [entry.type for entry in MANAGEMENT.users.logs.list(user.user_id)]
        self.assertIn("gd_enrollment_complete", of_user)
        self.assertIn("gd_auth_succeed", of_user)
        self.assert_refused(lambda: MANAGEMENT.logs.list(search="what:1"), 400, "invalid_query_string")
        self.assert_refused(lambda: MANAGEMENT.logs.get("0"), 404, "inexistent_log")

    def test_a_refresh_token_is_listed_labelled_and_revoked(self):
        user, phone = someone_with_phone()
        token = tokens_of(user, phone)["refresh_token"]
        (listed,) = MANAGEMENT.users.refresh_token.list(user.user_id)
        self.assertEqual((user.user_id, CLIENT[0]), (listed.user_id, listed.client_id))
        self.assertEqual(CARD["api"]["identifier"], listed.resource_servers[0].audience)
        MANAGEMENT.refresh_tokens.update(listed.id, refresh_token_metadata={"by": "ann"})
        self.assertEqual({"by": "ann"}, MANAGEMENT.refresh_tokens.get(listed.id).refresh_token_metadata)
        (found,) = MANAGEMENT.refresh_tokens.list(user_id=user.user_id, client_id=CLIENT[0])
        self.assertEqual(listed.id, found.id)
        MANAGEMENT.refresh_tokens.delete(listed.id)
        self.assert_refused(
            lambda: MANAGEMENT.refresh_tokens.get(listed.id), 404, "inexistent_refresh_token"
        )
        self.assert_dead(token)

    def test_all_access_of_a_user_ends(self):
        user, phone = someone_with_phone()
        first = tokens_of(user, phone)["refresh_token"]
        MANAGEMENT.users.revoke_access(user.user_id)
        self.assert_dead(first)
        second = tokens_of(user, phone)["refresh_token"]
        MANAGEMENT.refresh_tokens.revoke(user_id=user.user_id, client_id=CLIENT[0])
        self.assert_dead(second)
        MANAGEMENT.users.refresh_token.delete(user.user_id)
        self.assertEqual([], list(MANAGEMENT.user_grants.list(user_id=user.user_id)))
        MANAGEMENT.user_grants.delete_by_user_id(user_id=user.user_id)

    def test_settings_factors_and_policies(self):
        settings = MANAGEMENT.tenants.settings.update(support_email="help@example.com")
        self.assertEqual("help@example.com", settings.support_email)
        self.assertTrue(MANAGEMENT.tenants.settings.get().friendly_name)
        factors = {factor.name: factor.enabled for factor in MANAGEMENT.guardian.factors.list()}
        self.assertTrue(factors["push-notification"])
        MANAGEMENT.guardian.factors.set("push-notification", enabled=True)
        MANAGEMENT.guardian.policies.set(request=["all-applications"])
        self.assertEqual(["all-applications"], MANAGEMENT.guardian.policies.list())

    def test_keys_are_listed_and_rotated(self):
        before = MANAGEMENT.keys.signing.list()
        fresh = MANAGEMENT.keys.signing.rotate()
        self.assertNotIn(fresh.kid, [key.kid for key in before])
        self.assertTrue(MANAGEMENT.keys.signing.get(fresh.kid).current)
        self.assert_refused(lambda: MANAGEMENT.keys.signing.revoke(fresh.kid), 400, "invalid_uri")
        user, phone = someone_with_phone()
        self.assertTrue(tokens_of(user, phone)["id_token"])

    def test_a_domain_that_points_nowhere_stays_pending(self):
        name = f"{uuid.uuid4()}.invalid"
        domain = MANAGEMENT.custom_domains.create(domain=name, type="auth0_managed_certs")
        self.assertEqual("pending_verification", domain.status)
        self.assertEqual(name, domain.verification.methods[0].domain)
        verified = MANAGEMENT.custom_domains.verify(domain.custom_domain_id)
        self.assertEqual("pending_verification", verified.status)
        self.assertFalse(MANAGEMENT.custom_domains.test(domain.custom_domain_id).success)
        self.assertIn(name, [one.domain for one in MANAGEMENT.custom_domains.list()])
        MANAGEMENT.custom_domains.delete(domain.custom_domain_id)
        self.assert_refused(
            lambda: MANAGEMENT.custom_domains.get(domain.custom_domain_id),
            404,
            "inexistent_custom_domain",
        )

    def test_a_device_is_an_authentication_method(self):
        user, phone = someone_with_phone()
        methods = MANAGEMENT.users.authentication_methods
        (listed,) = methods.list(user.user_id)
        self.assertEqual(f"push|{phone.account['id']}", listed.id)
        methods.update(user.user_id, listed.id, name="Renamed")
        self.assertEqual("Renamed", methods.get(user.user_id, listed.id).name)
        methods.delete(user.user_id, listed.id)
        self.assertEqual([], list(methods.list(user.user_id)))

    def test_what_deployment_tools_look_up_is_not_found(self):
        self.assert_refused(lambda: MANAGEMENT.connections.get("con_x"), 404, "inexistent_connection")
        self.assert_refused(lambda: MANAGEMENT.roles.get("rol_x"), 404, None)
        self.assert_refused(
            lambda: MANAGEMENT.emails.provider.get(), 404, "inexistent_email_provider"
        )
        self.assert_refused(lambda: MANAGEMENT.users.revoke_access(f"auth0|{uuid.uuid4()}"), 404, "inexistent_user")
        self.assertEqual([], list(MANAGEMENT.users.refresh_token.list(someone().user_id)))


if __name__ == "__main__":
    unittest.main()
