"""PyPI `auth0-server-python` 1.0.0b20: starts and polls in one call, with Basic credentials."""

import asyncio
import unittest

from auth0_server_python.auth_server.server_client import ServerClient
from auth0_server_python.error import ApiError

from card import CARD, DOMAIN, advance
from people import someone_with_phone


class Kept:
    """A store of the SDK, in memory."""

    def __init__(self):
        self.kept = {}

    async def set(self, name, state, options=None, **_more):
        self.kept[name] = state

    async def get(self, name, options=None):
        return self.kept.get(name)

    async def delete(self, name, options=None):
        self.kept.pop(name, None)


def server():
    return ServerClient(
        domain=DOMAIN,
        client_id=CARD["client"]["client_id"],
        client_secret=CARD["client"]["client_secret"],
        secret="a" * 64,
        state_store=Kept(),
        transaction_store=Kept(),
    )


def asks(user, **more):
    options = {
        "binding_message": "Sign in at the counter",
        "login_hint": {"sub": user},
        "authorization_params": {"audience": CARD["api"]["identifier"], "scope": "openid read:balance", **more},
    }
    return server().backchannel_authentication(options)


class Auth0ServerPython(unittest.IsolatedAsyncioTestCase):
    # W298: the first poll at once is pending, the next has the tokens.
    async def test_the_one_call_returns_the_tokens_of_an_approval(self):
        user, phone = await asyncio.to_thread(someone_with_phone)
        waiting = asyncio.create_task(asks(user))
        await asyncio.to_thread(lambda: phone.approves(phone.buzzes()))
        tokens = await waiting
        self.assertTrue(tokens["access_token"] and tokens["id_token"])

    # W298: a refused request and an expired one.
    async def test_a_refusal_and_an_expiry_are_api_errors(self):
        user, phone = await asyncio.to_thread(someone_with_phone)
        refused = asyncio.create_task(asks(user))
        await asyncio.to_thread(lambda: phone.denies(phone.buzzes()))
        await self.assert_denied(refused)
        late = asyncio.create_task(asks(user, requested_expiry=6))
        await asyncio.to_thread(phone.buzzes)
        await asyncio.to_thread(advance, 2)
        await self.assert_denied(late)

    async def assert_denied(self, waiting):
        with self.assertRaises(ApiError) as caught:
            await waiting
        self.assertEqual("access_denied", caught.exception.cause.code)
