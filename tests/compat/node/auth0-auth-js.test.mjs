// npm `@auth0/auth0-auth-js` 1.16.0, which stands on openid-client.
import assert from 'node:assert/strict';
import test from 'node:test';

import { AuthClient } from '@auth0/auth0-auth-js';

import { advance, card, domain } from './lib/card.mjs';
import { someone, someoneWithPhone } from './lib/people.mjs';

const client = () => new AuthClient({
  domain,
  clientId: card.client.client_id,
  clientSecret: card.client.client_secret,
  authorizationParams: { audience: card.api.identifier },
});
const asking = (user, more = {}) =>
  ({ bindingMessage: 'Pay 25.00, order #42', loginHint: { sub: user.user_id }, ...more });

/** What the SDK throws, as far as callers look at it. */
async function failure(promise) {
  const error = await promise.then(() => assert.fail('no error'), (thrown) => thrown);
  assert.equal(error.code, 'backchannel_authentication_error');
  return { status: error.statusCode, error: error.cause?.error, text: error.cause?.error_description };
}

// W297: start, pending, tokens with the default scope; then a refused and an expired request.
test('the whole loop by single calls: pending, approved, refused, expired', async () => {
  const { user, phone } = await someoneWithPhone();
  const auth = client();

  const started = await auth.initiateBackchannelAuthentication(asking(user));
  assert.match(started.authReqId, /^[A-Za-z0-9_-]{64}$/);
  assert.deepEqual([started.expiresIn, started.interval], [300, 5]);
  const push = await phone.buzzes();
  assert.deepEqual(await failure(auth.backchannelAuthenticationGrant(started)), {
    status: 400, error: 'authorization_pending', text: 'The end-user authorization is pending',
  });
  const consent = await phone.reads(push);
  assert.equal(consent.requested_details.binding_message, 'Pay 25.00, order #42');
  assert.equal(consent.requested_details.audience, card.api.identifier);
  await phone.approves(push);
  const tokens = await auth.backchannelAuthenticationGrant(started);
  assert.equal(tokens.claims.sub, user.user_id);
  assert.equal(tokens.claims.iss, card.issuer);
  assert.ok(tokens.accessToken && tokens.idToken && tokens.refreshToken);

  const refused = await auth.initiateBackchannelAuthentication(asking(user));
  await phone.denies(await phone.buzzes());
  assert.deepEqual(await failure(auth.backchannelAuthenticationGrant(refused)), {
    status: 400, error: 'access_denied',
    text: 'The end-user denied the authorization request or it has been expired',
  });

  const late = await auth.initiateBackchannelAuthentication(asking(user, { requestedExpiry: 1 }));
  assert.equal(late.expiresIn, 1);
  await advance(2);
  assert.equal((await failure(auth.backchannelAuthenticationGrant(late))).error, 'access_denied');
});

// W297: waits `interval` before its first poll.
test('the one call that starts and waits returns the tokens of an approval', async () => {
  const { user, phone } = await someoneWithPhone();
  const begun = Date.now();
  const waiting = client().backchannelAuthentication(asking(user));
  await phone.approves(await phone.buzzes());
  assert.equal((await waiting).claims.sub, user.user_id);
  assert.ok(Date.now() - begun >= 4900);
});

test('asking again at once is too fast, and the request lives on', async () => {
  const { user, phone } = await someoneWithPhone();
  const auth = client();
  const started = await auth.initiateBackchannelAuthentication(asking(user));
  await failure(auth.backchannelAuthenticationGrant(started));
  assert.deepEqual(await failure(auth.backchannelAuthenticationGrant(started)), {
    status: 429, error: 'slow_down', text: 'You are polling faster than allowed. Try again in 10 seconds.',
  });
  await phone.approves(await phone.buzzes());
  assert.ok((await auth.backchannelAuthenticationGrant(started)).accessToken);
});

test('an approval is exchanged once', async () => {
  const { user, phone } = await someoneWithPhone();
  const auth = client();
  const started = await auth.initiateBackchannelAuthentication(asking(user));
  await phone.approves(await phone.buzzes());
  await auth.backchannelAuthenticationGrant(started);
  assert.deepEqual(await failure(auth.backchannelAuthenticationGrant(started)), {
    status: 403, error: 'invalid_grant', text: 'Invalid or expired auth_req_id',
  });
});

test('a refresh token is used, revoked, and then refused', async () => {
  const { user, phone } = await someoneWithPhone();
  const auth = client();
  const started = await auth.initiateBackchannelAuthentication(asking(user));
  await phone.approves(await phone.buzzes());
  const first = await auth.backchannelAuthenticationGrant(started);
  const second = await auth.getTokenByRefreshToken({ refreshToken: first.refreshToken });
  assert.equal(second.claims.sub, user.user_id);
  const token = second.refreshToken ?? first.refreshToken;
  await auth.revokeToken({ token, tokenTypeHint: 'refresh_token' });
  await assert.rejects(auth.getTokenByRefreshToken({ refreshToken: token }), (error) => {
    assert.equal(error.cause.error, 'invalid_grant');
    return true;
  });
});

test('a user without a phone cannot be asked, and the SDK says why', async () => {
  const user = await someone();
  assert.deepEqual(await failure(client().initiateBackchannelAuthentication(asking(user))), {
    status: 400, error: 'invalid_request',
    text: 'No eligible notification channels were found. guardian-push: User does not have push notifications set up',
  });
});
