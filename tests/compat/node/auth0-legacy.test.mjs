// npm `auth0` 7.1.0 through its `legacy` entry: the authentication and the older management client.
import assert from 'node:assert/strict';
import test from 'node:test';

import { AuthenticationClient, ManagementClient } from 'auth0/legacy';

import { backchannelOf, failure } from './lib/authentication.mjs';
import { advance, card, domain, PATIENCE_MS } from './lib/card.mjs';
import { someoneWithPhone } from './lib/people.mjs';

const { auth, start, poll } = backchannelOf(AuthenticationClient, 'openid offline_access read:balance');
const administrator = new ManagementClient({
  domain, clientId: card.management.client_id, clientSecret: card.management.client_secret, timeoutDuration: PATIENCE_MS,
});

// W296: start, pending, tokens; then a refused and an expired request.
test('the whole loop: pending, approved, refused, expired', async () => {
  const { user, phone } = await someoneWithPhone();
  const started = await start(user);
  assert.deepEqual(Object.keys(started).sort(), ['auth_req_id', 'expires_in', 'interval']);
  assert.deepEqual(await failure(poll(started)), [400, 'authorization_pending']);
  const push = await phone.buzzes();
  assert.deepEqual((await phone.reads(push)).requested_details.scope.includes('read:balance'), true);
  await phone.approves(push);
  const tokens = await poll(started);
  assert.equal(tokens.token_type, 'Bearer');
  assert.ok(tokens.access_token && tokens.id_token && tokens.refresh_token);

  const late = await start(user, { requested_expiry: '1' });
  await phone.buzzes();
  await advance(2);
  assert.deepEqual(await failure(poll(late)), [400, 'access_denied']);

  const refused = await start(user);
  await phone.reports(await phone.buzzes());
  assert.deepEqual(await failure(poll(refused)), [400, 'access_denied']);
  // "This wasn't me" shuts the client out from this person.
  assert.deepEqual(await failure(start(user)), [403, 'access_denied']);
});

test('too fast, and a second exchange', async () => {
  const { user, phone } = await someoneWithPhone();
  const started = await start(user);
  await failure(poll(started));
  assert.deepEqual(await failure(poll(started)), [429, 'slow_down']);
  await phone.approves(await phone.buzzes());
  await poll(started);
  assert.deepEqual(await failure(poll(started)), [403, 'invalid_grant']);
});

test('a refresh token is used with a checked ID token, revoked, and then refused', async () => {
  const { user, phone } = await someoneWithPhone();
  const started = await start(user);
  await phone.approves(await phone.buzzes());
  const first = await poll(started);
  const { data: second } = await auth.oauth.refreshTokenGrant({ refresh_token: first.refresh_token });
  assert.ok(second.access_token && second.id_token);
  const token = second.refresh_token ?? first.refresh_token;
  await auth.oauth.revokeRefreshToken({ token });
  assert.deepEqual(await failure(auth.oauth.refreshTokenGrant({ refresh_token: token })), [403, 'invalid_grant']);
});

test('users by id and e-mail, a ticket and enrollments through the older management client', async () => {
  const { user, phone } = await someoneWithPhone();
  const { data: byId } = await administrator.users.getAll({ q: `user_id:"${user.user_id}"` });
  assert.deepEqual(byId.map((one) => one.email), [user.email]);
  const { data: byMail } = await administrator.usersByEmail.getByEmail({ email: user.email });
  assert.deepEqual(byMail.map((one) => one.user_id), [user.user_id]);
  const { data: ticket } = await administrator.guardian.createEnrollmentTicket({ user_id: user.user_id });
  assert.match(ticket.ticket_id, /^[A-Za-z0-9]{32}$/);
  assert.equal(ticket.ticket_url, `${card.issuer}mfa/enrollment?ticket=${ticket.ticket_id}`);
  const { data: devices } = await administrator.users.getEnrollments({ id: user.user_id });
  assert.deepEqual(devices.map((one) => [one.id, one.status]), [[phone.account.id, 'confirmed']]);
});
