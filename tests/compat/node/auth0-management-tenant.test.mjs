// npm `auth0` 7.1.0: the Management API beyond users and enrollments.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import test from 'node:test';

import { card, domain, PATIENCE_MS } from './lib/card.mjs';
import { management, someoneWithPhone } from './lib/people.mjs';

async function all(pages) {
  const found = [];
  for await (const one of await pages) found.push(one);
  return found;
}

function refused(status, code) {
  return (error) => {
    assert.equal(error.statusCode, status);
    assert.equal(error.body.errorCode, code);
    return true;
  };
}

async function approved() {
  const { AuthenticationClient } = await import('auth0/legacy');
  const auth = new AuthenticationClient({
    domain, clientId: card.client.client_id, clientSecret: card.client.client_secret, timeoutDuration: PATIENCE_MS,
  });
  const { user, phone } = await someoneWithPhone();
  const started = await auth.backchannel.authorize({
    userId: user.user_id, binding_message: 'Pay 25.00, order 42', scope: 'openid offline_access',
  });
  await phone.approves(await phone.buzzes());
  const tokens = await auth.backchannel.backchannelGrant({ auth_req_id: started.auth_req_id });
  const refresh = () => auth.oauth.refreshTokenGrant({ refresh_token: tokens.refresh_token });
  return { user, phone, tokens, refresh };
}

test('the log is searched page by page and read entry by entry', async () => {
  const { user } = await approved();
  const search = `user_id:"${user.user_id}" AND type:ciba_*`;
  const entries = await all(management.logs.list({ search, per_page: 1 }));
  assert.deepEqual(entries.map((one) => one.type), ['ciba_exchange_succeeded', 'ciba_start_succeeded']);
  assert.equal((await management.logs.get(entries[0].log_id)).log_id, entries[0].log_id);
  const types = (await all(management.users.logs.list(user.user_id))).map((one) => one.type);
  assert.ok(types.includes('gd_enrollment_complete') && types.includes('gd_auth_succeed'), types.join());
  await assert.rejects(management.logs.list({ search: 'what:1' }), refused(400, 'invalid_query_string'));
  await assert.rejects(management.logs.get('0'), refused(404, 'inexistent_log'));
});

test('a refresh token is listed, labelled and revoked, and all access ends', async () => {
  const { user, refresh } = await approved();
  const [listed, ...others] = await all(management.users.refreshToken.list(user.user_id));
  assert.deepEqual(others, []);
  assert.equal(listed.client_id, card.client.client_id);
  const label = { refresh_token_metadata: { by: 'ann' } };
  await management.refreshTokens.update(listed.id, label);
  assert.deepEqual((await management.refreshTokens.get(listed.id)).refresh_token_metadata, { by: 'ann' });
  await refresh();
  await management.refreshTokens.delete(listed.id);
  await assert.rejects(refresh());
  await assert.rejects(management.refreshTokens.get(listed.id), refused(404, 'inexistent_refresh_token'));

  const second = await approved();
  await management.users.revokeAccess(second.user.user_id);
  await assert.rejects(second.refresh());
  assert.deepEqual(await all(management.userGrants.list({ user_id: second.user.user_id })), []);
});

test('settings, factors, policies and keys', async () => {
  const settings = await management.tenants.settings.update({ support_url: 'https://example.com/help' });
  assert.equal(settings.support_url, 'https://example.com/help');
  assert.ok((await management.tenants.settings.get()).friendly_name);
  const factors = await management.guardian.factors.list();
  assert.equal(factors.find((factor) => factor.name === 'push-notification').enabled, true);
  await management.guardian.policies.set(['all-applications']);
  assert.deepEqual(await management.guardian.policies.list(), ['all-applications']);
  const keys = await management.keys.signing.list();
  const fresh = await management.keys.signing.rotate();
  assert.ok(!keys.some((key) => key.kid === fresh.kid));
  assert.equal((await management.keys.signing.get(fresh.kid)).current, true);
  await assert.rejects(management.keys.signing.revoke(fresh.kid), refused(400, 'invalid_uri'));
});

test('a domain that points nowhere stays pending, and a device is an authentication method', async () => {
  const name = `${randomUUID()}.invalid`;
  const made = await management.customDomains.create({ domain: name, type: 'auth0_managed_certs' });
  assert.equal(made.status, 'pending_verification');
  assert.equal((await management.customDomains.verify(made.custom_domain_id)).status, 'pending_verification');
  await management.customDomains.delete(made.custom_domain_id);
  await assert.rejects(management.customDomains.get(made.custom_domain_id), refused(404, 'inexistent_custom_domain'));

  const { user, phone } = await someoneWithPhone();
  const methods = management.users.authenticationMethods;
  const [listed] = await all(methods.list(user.user_id));
  assert.equal(listed.id, `push|${phone.account.id}`);
  await methods.update(user.user_id, listed.id, { name: 'Renamed' });
  assert.equal((await methods.get(user.user_id, listed.id)).name, 'Renamed');
});
