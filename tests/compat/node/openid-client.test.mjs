// npm `openid-client` 6.8.9: a certified client library that knows CIBA but nothing of Auth0.
import assert from 'node:assert/strict';
import test from 'node:test';

import * as openid from 'openid-client';

import { advance, card } from './lib/card.mjs';
import { someoneWithPhone } from './lib/people.mjs';

const config = await openid.discovery(new URL(card.issuer), card.client.client_id, card.client.client_secret);
openid.enableNonRepudiationChecks(config);

const CIBA = 'urn:openid:params:grant-type:ciba';
const start = (user, more = {}) => openid.initiateBackchannelAuthentication(config, {
  scope: 'openid profile email offline_access',
  login_hint: JSON.stringify({ format: 'iss_sub', iss: card.issuer, sub: user.user_id }),
  binding_message: 'Pay 25.00',
  audience: card.api.identifier,
  ...more,
});
const poll = (started) => openid.genericGrantRequest(config, CIBA, { auth_req_id: started.auth_req_id });

async function failure(promise) {
  const error = await promise.then(() => assert.fail('no error'), (thrown) => thrown);
  return [error.status, error.error];
}

test('its own poll waits for the approval, and the ID token passes its signature check', async () => {
  const { user, phone } = await someoneWithPhone();
  const started = await start(user);
  const waiting = openid.pollBackchannelAuthenticationGrant(config, started);
  await phone.approves(await phone.buzzes());
  const tokens = await waiting;
  const claims = tokens.claims();
  assert.deepEqual([claims.sub, claims.aud, claims.email], [user.user_id, card.client.client_id, user.email]);
  const profile = await openid.fetchUserInfo(config, tokens.access_token, claims.sub);
  assert.equal(profile.email, user.email);
});

test('its own poll ends when the person refuses', async () => {
  const { user, phone } = await someoneWithPhone();
  const started = await start(user);
  const waiting = failure(openid.pollBackchannelAuthenticationGrant(config, started));
  await phone.denies(await phone.buzzes());
  assert.deepEqual(await waiting, [400, 'access_denied']);
});

test('pending, too fast, expired, as the server said them', async () => {
  const { user, phone } = await someoneWithPhone();
  const started = await start(user);
  assert.deepEqual(await failure(poll(started)), [400, 'authorization_pending']);
  assert.deepEqual(await failure(poll(started)), [429, 'slow_down']);
  await phone.approves(await phone.buzzes());
  assert.ok((await poll(started)).id_token);
  assert.deepEqual(await failure(poll(started)), [403, 'invalid_grant']);
  const late = await start(user, { requested_expiry: '1' });
  await advance(2);
  assert.deepEqual(await failure(poll(late)), [400, 'access_denied']);
});

test('a refresh token is used, revoked, and then refused', async () => {
  const { user, phone } = await someoneWithPhone();
  const started = await start(user);
  await phone.approves(await phone.buzzes());
  const first = await poll(started);
  const second = await openid.refreshTokenGrant(config, first.refresh_token);
  assert.equal(second.claims().sub, user.user_id);
  const token = second.refresh_token ?? first.refresh_token;
  await openid.tokenRevocation(config, token);
  assert.deepEqual(await failure(openid.refreshTokenGrant(config, token)), [403, 'invalid_grant']);
});
