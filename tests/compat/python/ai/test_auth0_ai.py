"""PyPI `auth0-ai` 1.0.2, which stands on `auth0-python` 4: a tool that waits for its user."""

import asyncio
import unittest

from auth0_ai.authorizers.async_authorization.async_authorizer_base import (
    AsyncAuthorizerBase,
    get_async_authorization_credentials,
)
from auth0_ai.interrupts.async_authorization_interrupts import (
    AccessDeniedInterrupt,
    UserDoesNotHavePushNotificationsInterrupt,
)

from card import CARD, DOMAIN, advance
from people import someone, someone_with_phone

READING = {"scopes": ["openid", "read:balance"], "audience": CARD["api"]["identifier"]}


def tool(user, **more):
    """A tool in block mode; its result is the credentials it got. The SDK's calls block, so it has
    a thread of its own."""
    params = {
        "user_id": user,
        "binding_message": "Buy 2 shares",
        "scopes": ["openid"],
        "on_authorization_request": "block",
        **more,
    }
    client = {"domain": DOMAIN, **CARD["client"]}
    context = lambda: {"thread_id": "thread", "tool_name": "buy", "tool_call_id": "call"}
    protected = AsyncAuthorizerBase(params, client).protect(context, get_async_authorization_credentials)
    return asyncio.to_thread(lambda: asyncio.run(protected()))


class Auth0Ai(unittest.IsolatedAsyncioTestCase):
    async def approved(self, **more):
        user, phone = await asyncio.to_thread(someone_with_phone)
        waiting = asyncio.create_task(tool(user, **more))
        await asyncio.to_thread(lambda: phone.approves(phone.buzzes()))
        return await waiting

    # W299: without audience.
    async def test_a_tool_gets_tokens_once_its_user_approves(self):
        self.assertTrue((await self.approved())["access_token"])

    # W299: with audience.
    async def test_a_tool_gets_tokens_for_an_api(self):
        credentials = await self.approved(**READING)
        self.assertIn("read:balance", credentials["scope"])

    # W299: a user without device.
    async def test_a_user_without_a_phone_is_an_interrupt_of_its_own(self):
        user = await asyncio.to_thread(someone)
        with self.assertRaises(UserDoesNotHavePushNotificationsInterrupt):
            await tool(user)

    # W299: a refused request and an expired one.
    async def test_a_refusal_and_an_expiry_are_interrupts(self):
        user, phone = await asyncio.to_thread(someone_with_phone)
        refused = asyncio.create_task(tool(user))
        await asyncio.to_thread(lambda: phone.denies(phone.buzzes()))
        with self.assertRaises(AccessDeniedInterrupt):
            await refused
        late = asyncio.create_task(tool(user, requested_expiry=6))
        await asyncio.to_thread(phone.buzzes)
        await asyncio.to_thread(advance, 2)
        with self.assertRaises(AccessDeniedInterrupt):
            await late
