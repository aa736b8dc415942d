// npm `@auth0/auth0-server-js` 1.12.1 and `@auth0/nextjs-auth0` 4.27.0: each starts and waits in one call.
import assert from 'node:assert/strict';
import test from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';

import { handling } from './lib/next.mjs';
import { ServerClient } from '@auth0/auth0-server-js';
import { Auth0Client } from '@auth0/nextjs-auth0/server';

import { advance, card, domain, PATIENCE_MS } from './lib/card.mjs';
import { someoneWithPhone } from './lib/people.mjs';

/** Both wait an interval before they poll: so long after the start, they were told that it is pending. */
const FIRST_POLL_MS = 5_500;

const client = { domain, clientId: card.client.client_id, clientSecret: card.client.client_secret };
const authorizationParams = { audience: card.api.identifier, scope: 'openid read:balance' };
const asking = (user, more = {}) => ({
  bindingMessage: 'Sign in at the counter', loginHint: { sub: user.user_id },
  authorizationParams: { ...authorizationParams, ...more },
});

/** A store of the SDK, in memory. */
class Kept extends Map {
  async set(name, value) { super.set(name, value); }

  async get(name) { return super.get(name); }

  async delete(name) { super.delete(name); }
}

/** What both SDKs promise: tokens after an approval, an error after a refusal and when it is too late. */
async function loop(ask) {
  const { user, phone } = await someoneWithPhone();
  const approved = ask(user);
  const push = await phone.buzzes();
  await pause(FIRST_POLL_MS);
  await phone.approves(push);
  const result = await approved;

  const refused = ask(user);
  await phone.denies(await phone.buzzes());
  const causes = [await refused.then(() => assert.fail('no error'), (error) => error.cause?.error ?? error.cause?.code)];
  const late = ask(user, { requested_expiry: 6 });
  await phone.buzzes();
  await advance(2);
  causes.push(await late.then(() => assert.fail('no error'), (error) => error.cause?.error ?? error.cause?.code));
  assert.deepEqual(causes, ['access_denied', 'access_denied']);
  return { user, result };
}

// W304: `@auth0/auth0-server-js`, its session holds the tokens.
test('auth0-server-js logs the user in by push', async () => {
  const stateStore = new Kept();
  const server = new ServerClient({ ...client, authorizationParams, stateStore, transactionStore: new Kept() });
  const { user } = await loop((who, more) => server.loginBackchannel(asking(who, more)));
  assert.equal((await server.getUser()).sub, user.user_id);
  assert.equal(typeof (await server.getAccessToken()).accessToken, 'string');
});

// W304: `@auth0/nextjs-auth0`.
test('nextjs-auth0 gets tokens by push', async () => {
  // `allowInsecureRequests` is its word for an issuer on localhost; every call is https all the same.
  const next = new Auth0Client({
    ...client, domain: card.issuer, appBaseUrl: 'https://app.example.com', secret: 'a'.repeat(64),
    allowInsecureRequests: true, httpTimeout: PATIENCE_MS,
  });
  const { user, result } = await loop(
    (who, more) => handling(() => next.getTokenByBackchannelAuth(asking(who, more))));
  assert.equal(result.idTokenClaims.sub, user.user_id);
  assert.equal(typeof result.tokenSet.accessToken, 'string');
});
