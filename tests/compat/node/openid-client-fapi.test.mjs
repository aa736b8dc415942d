// npm `openid-client` 6.8.9 as a FAPI-CIBA client: `private_key_jwt` and certificates, its own polls.
import assert from 'node:assert/strict';
import test from 'node:test';

import * as openid from 'openid-client';

import { client, decides, fapi } from './lib/fapi.mjs';

async function configured(method) {
  const own = await client(method);
  const key = { key: own.key, kid: own.kid };
  const auth = method === 'private_key_jwt' ? openid.PrivateKeyJwt(key) : openid.TlsClientAuth();
  const metadata = { use_mtls_endpoint_aliases: true, id_token_signed_response_alg: 'ES256' };
  const options = { [openid.customFetch]: own.fetch };
  const config = await openid.discovery(new URL(fapi.issuer), own.client_id, metadata, auth, options);
  config[openid.customFetch] = own.fetch;
  openid.enableNonRepudiationChecks(config);
  return { config, key };
}

/** A signed request, as the library signs them for redirects; CIBA wants `nbf` too. People take turns. */
let turn = 0;
async function starts({ config, key }, more = {}) {
  turn += 1;
  const user = fapi.users[turn % fapi.users.length];
  const parameters = {
    scope: 'openid email', login_hint: user.user_id, binding_message: 'Pay 20.00', ...more,
  };
  const typed = { [openid.modifyAssertion]: (_header, claims) => { claims.nbf ??= claims.iat; } };
  const url = await openid.buildAuthorizationUrlWithJAR(config, parameters, key, typed);
  const started = await openid.initiateBackchannelAuthentication(config, { request: url.searchParams.get('request') });
  return { ...started, user };
}

for (const method of ['private_key_jwt', 'self_signed_tls_client_auth']) {
  test(`${method}: its own poll waits for the approval, tokens are bound to the certificate`, async () => {
    const bank = await configured(method);
    const started = await starts(bank);
    const waiting = openid.pollBackchannelAuthenticationGrant(bank.config, started);
    await decides(started.auth_req_id);
    const tokens = await waiting;
    const claims = tokens.claims();
    assert.equal(claims.sub, started.user.user_id);
    const profile = await openid.fetchUserInfo(bank.config, tokens.access_token, claims.sub);
    assert.equal(profile.email, started.user.email);
    const told = await openid.tokenIntrospection(bank.config, tokens.access_token);
    assert.ok(told.active && told.cnf['x5t#S256']);
  });
}

test('its own poll with DPoP gets a token that is bound to the key', async () => {
  const bank = await configured('private_key_jwt');
  const DPoP = openid.getDPoPHandle(bank.config, await openid.randomDPoPKeyPair('ES256'));
  const started = await starts(bank);
  const waiting = openid.pollBackchannelAuthenticationGrant(bank.config, started, undefined, { DPoP });
  await decides(started.auth_req_id);
  const tokens = await waiting;
  assert.equal(tokens.token_type, 'dpop');
  const visit = await openid.fetchProtectedResource(
    bank.config, tokens.access_token, new URL(fapi.resource), 'GET', undefined, undefined, { DPoP });
  assert.ok((await visit.json()).cnf.jkt);
});

test('its own poll ends when the person refuses', async () => {
  const bank = await configured('private_key_jwt');
  const started = await starts(bank);
  const waiting = openid.pollBackchannelAuthenticationGrant(bank.config, started)
    .then(() => assert.fail('no error'), (error) => error.error);
  await decides(started.auth_req_id, 'deny');
  assert.equal(await waiting, 'access_denied');
});
