// npm `auth0` 7.1.0: the management client of its root entry.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import test from 'node:test';

import { management, someone, someoneWithPhone } from './lib/people.mjs';

async function all(pages) {
  const found = [];
  for await (const one of await pages) found.push(one);
  return found;
}

test('a user is found by id, by e-mail and by name as soon as it exists', async () => {
  const user = await someone();
  const ids = (users) => users.map((one) => one.user_id);
  assert.deepEqual(ids(await all(management.users.list({ q: `user_id:"${user.user_id}"` }))), [user.user_id]);
  assert.deepEqual(ids(await all(management.users.list({ q: `email:"${user.email}"` }))), [user.user_id]);
  assert.deepEqual(ids(await management.users.listUsersByEmail({ email: user.email })), [user.user_id]);
  const name = `N ${randomUUID()}`;
  await management.users.update(user.user_id, { name });
  assert.deepEqual(ids(await all(management.users.list({ q: `name:"${name}"` }))), [user.user_id]);
  assert.equal((await management.users.get(user.user_id)).email, user.email);
});

// W296: its Management client lists users to the end without looping.
test('a list of users has an end, whatever the size of its pages', async () => {
  const mark = randomUUID();
  for (let n = 0; n < 5; n += 1) {
    const user = await someone();
    await management.users.update(user.user_id, { name: mark });
  }
  const pages = await all(management.users.list({ q: `name:"${mark}"`, per_page: 2 }));
  assert.equal(new Set(pages.map((one) => one.user_id)).size, 5);
  assert.equal(pages.length, 5);
  assert.equal((await all(management.users.list({ q: `name:"${mark}"` }))).length, 5);
});

test('an enrollment is listed, shown and deleted, and then the user cannot be asked', async () => {
  const { user, phone } = await someoneWithPhone();
  const [listed, ...others] = await management.users.enrollments.get(user.user_id);
  assert.deepEqual(others, []);
  assert.deepEqual([listed.id, listed.status, listed.name], [phone.account.id, 'confirmed', phone.name]);
  assert.equal((await management.guardian.enrollments.get(phone.account.id)).status, 'confirmed');
  await management.guardian.enrollments.delete(phone.account.id);
  assert.deepEqual(await management.users.enrollments.get(user.user_id), []);
  await assert.rejects(management.guardian.enrollments.get(phone.account.id), (error) => {
    assert.equal(error.statusCode, 404);
    return true;
  });
});

test('a user that is deleted is gone, and deleting it again is no error', async () => {
  const user = await someone();
  await management.users.delete(user.user_id);
  await management.users.delete(user.user_id);
  await assert.rejects(management.users.get(user.user_id), (error) => {
    assert.equal(error.statusCode, 404);
    assert.equal(error.body.errorCode, 'inexistent_user');
    return true;
  });
});

test('a client, an API and a client grant are made, and a program uses them', async () => {
  const identifier = `https://api.example.com/${randomUUID()}`;
  const api = await management.resourceServers.create({
    identifier, name: 'Ledger', scopes: [{ value: 'read:ledger', description: 'Read' }],
  });
  const client = await management.clients.create({ name: 'Batch', grant_types: ['client_credentials'] });
  await management.clientGrants.create({ client_id: client.client_id, audience: identifier, scope: ['read:ledger'] });
  const { AuthenticationClient } = await import('auth0/legacy');
  const { domain } = await import('./lib/card.mjs');
  const auth = new AuthenticationClient({ domain, clientId: client.client_id, clientSecret: client.client_secret, timeoutDuration: 60_000 });
  const { data: tokens } = await auth.oauth.clientCredentialsGrant({ audience: identifier });
  assert.equal(tokens.scope, 'read:ledger');
  await management.clients.delete(client.client_id);
  await management.resourceServers.delete(api.id);
});
