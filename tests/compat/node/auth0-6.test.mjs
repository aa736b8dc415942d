// npm `auth0` 6.4.0: its authentication client.
import assert from 'node:assert/strict';
import test from 'node:test';

import { AuthenticationClient } from 'auth0-6';

import { backchannelOf, failure } from './lib/authentication.mjs';
import { advance } from './lib/card.mjs';
import { someoneWithPhone } from './lib/people.mjs';

const { start, poll } = backchannelOf(AuthenticationClient, 'openid read:balance');

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
