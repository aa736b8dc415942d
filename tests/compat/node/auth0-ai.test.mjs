// npm `@auth0/ai` 5.1.1: a tool that waits for its user's approval.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import test from 'node:test';

import { advance, card, domain } from './lib/card.mjs';
import { someone, someoneWithPhone } from './lib/people.mjs';

// Its ES modules import folders, which Node does not.
const require = createRequire(import.meta.url);
const { AsyncAuthorizerBase, getAsyncAuthorizationCredentials } = require('@auth0/ai/AsyncAuthorization');
const { AccessDeniedInterrupt, UserDoesNotHavePushNotificationsInterrupt } = require('@auth0/ai/interrupts');
const { MemoryStore } = require('@auth0/ai/stores');

/** A tool in block mode: its result is the credentials it got, or the error. */
function tool(user, more = {}) {
  const authorizer = new AsyncAuthorizerBase(
    { domain, clientId: card.client.client_id, clientSecret: card.client.client_secret },
    {
      userID: user.user_id, bindingMessage: 'Buy 2 shares', scopes: ['openid'], store: new MemoryStore(),
      onAuthorizationRequest: 'block', ...more,
    });
  const context = () => ({ threadID: 'thread', toolName: 'buy', toolCallID: 'call' });
  return authorizer.protect(context, () => getAsyncAuthorizationCredentials())();
}

// W300: empty audience, `requested_expiry=300`.
test('a tool in block mode gets tokens once its user approves', async () => {
  const { user, phone } = await someoneWithPhone();
  const waiting = tool(user);
  const push = await phone.buzzes();
  assert.equal((await phone.reads(push)).requested_details.binding_message, 'Buy 2 shares');
  await phone.approves(push);
  const { accessToken } = await waiting;
  assert.equal(typeof accessToken, 'string');
});

// W300: no device, a refusal, a request that ran out: the result is the SDK's error.
test('a tool whose user cannot be asked, says no or is late gets the SDK\'s error', async () => {
  const result = await tool(await someone());
  assert.ok(result instanceof UserDoesNotHavePushNotificationsInterrupt, String(result));
  const { user, phone } = await someoneWithPhone();
  const refused = tool(user);
  await phone.denies(await phone.buzzes());
  assert.ok(await refused instanceof AccessDeniedInterrupt);
  const late = tool(user, { requestedExpiry: 6, scopes: ['openid', 'read:balance'], audience: card.api.identifier });
  await phone.buzzes();
  await advance(2);
  assert.ok(await late instanceof AccessDeniedInterrupt);
});
