// npm `auth0` 6.4.0: its authentication client.
import assert from 'node:assert/strict';
import test from 'node:test';

import { AuthenticationClient } from 'auth0-6';

import { advance, card, domain } from './lib/card.mjs';
import { someoneWithPhone } from './lib/people.mjs';

const auth = new AuthenticationClient({
  domain, clientId: card.client.client_id, clientSecret: card.client.client_secret,
});
const start = (user, more = {}) => auth.backchannel.authorize({
  userId: user.user_id, binding_message: '21-49-38', scope: 'openid read:balance',
  audience: card.api.identifier, ...more,
});
const poll = (started) => auth.backchannel.backchannelGrant({ auth_req_id: started.auth_req_id });

async function failure(promise) {
  const error = await promise.then(() => assert.fail('no error'), (thrown) => thrown);
  assert.equal(error.name, 'AuthApiError');
  return [error.statusCode, error.error];
}

// W295: start, pending, tokens; then a refused and an expired request.
test('the whole loop: pending, approved, refused, expired', async () => {
  const { user, phone } = await someoneWithPhone();
  const started = await start(user);
  assert.deepEqual(await failure(poll(started)), [400, 'authorization_pending']);
  await phone.approves(await phone.buzzes());
  const tokens = await poll(started);
  assert.equal(tokens.token_type, 'Bearer');
  assert.ok(tokens.access_token && tokens.id_token);

  const refused = await start(user);
  await phone.denies(await phone.buzzes());
  assert.deepEqual(await failure(poll(refused)), [400, 'access_denied']);

  const late = await start(user, { requested_expiry: '1' });
  await advance(2);
  assert.deepEqual(await failure(poll(late)), [400, 'access_denied']);
});
