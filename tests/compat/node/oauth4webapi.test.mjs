// npm `oauth4webapi` 3.8.8: the protocol itself, request by request, as a FAPI-CIBA client.
import assert from 'node:assert/strict';
import test from 'node:test';

import * as oauth from 'oauth4webapi';

import { card } from './lib/card.mjs';
import { client, decides, fapi, showing } from './lib/fapi.mjs';

const issuer = new URL(fapi.issuer);
const as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer));

/** A client of the card, as the library wants it. */
async function party(method) {
  const own = await client(method);
  const metadata = {
    client_id: own.client_id, use_mtls_endpoint_aliases: true,
    token_endpoint_auth_method: method, id_token_signed_response_alg: 'ES256',
  };
  const key = { key: own.key, kid: own.kid };
  const auth = method === 'private_key_jwt' ? oauth.PrivateKeyJwt(key) : oauth.TlsClientAuth();
  return { ...own, metadata, key, auth, options: { [oauth.customFetch]: own.fetch } };
}

/** A signed request; the people take turns, since each may be asked five times a minute. */
let turn = 0;
async function starts(of, more = {}) {
  turn += 1;
  const user = fapi.users[turn % fapi.users.length];
  const parameters = {
    scope: 'openid offline_access read:balance', audience: fapi.api.identifier,
    login_hint: user.user_id, binding_message: 'Pay 20.00', ...more,
  };
  const typed = { [oauth.modifyAssertion]: (_header, claims) => { claims.nbf ??= claims.iat; } };
  const request = await oauth.issueRequestObject(as, of.metadata, parameters, of.key, typed);
  const answer = await oauth.backchannelAuthenticationRequest(as, of.metadata, of.auth, { request }, of.options);
  const started = await oauth.processBackchannelAuthenticationResponse(as, of.metadata, answer);
  return { ...started, user };
}

async function polls(of, id, more = {}) {
  const answer = await oauth.backchannelAuthenticationGrantRequest(as, of.metadata, of.auth, id, { ...of.options, ...more });
  return oauth.processBackchannelAuthenticationGrantResponse(as, of.metadata, answer);
}

const refused = (promise) => promise.then(() => assert.fail('no error'), (error) => [error.status, error.error]);

for (const method of ['private_key_jwt', 'self_signed_tls_client_auth']) {
  test(`${method}: signed request, poll, tokens bound to the certificate, introspection, refresh`, async () => {
    const bank = await party(method);
    const { auth_req_id: id, interval, user } = await starts(bank);
    assert.equal(interval, 5);
    assert.deepEqual(await refused(polls(bank, id)), [400, 'authorization_pending']);
    assert.deepEqual(await refused(polls(bank, id)), [400, 'slow_down']);
    await decides(id);
    const tokens = await polls(bank, id);
    const claims = oauth.getValidatedIdTokenClaims(tokens);
    assert.deepEqual([claims.sub, claims.aud], [user.user_id, bank.client_id]);
    assert.deepEqual(await refused(polls(bank, id)), [400, 'invalid_grant']);

    const asked = await oauth.introspectionRequest(as, bank.metadata, bank.auth, tokens.access_token, bank.options);
    const told = await oauth.processIntrospectionResponse(as, bank.metadata, asked);
    assert.ok(told.active && told.cnf['x5t#S256']);

    const resource = (token, options) => oauth.protectedResourceRequest(
      token, 'GET', new URL(fapi.resource), new Headers({ 'x-fapi-interaction-id': 'c770aef3-6784-41f7-8e0e-ff5f97bddb3a' }), null, options);
    const visit = await resource(tokens.access_token, bank.options);
    assert.equal(visit.headers.get('x-fapi-interaction-id'), 'c770aef3-6784-41f7-8e0e-ff5f97bddb3a');
    assert.equal((await visit.json()).sub, user.user_id);
    await assert.rejects(resource(tokens.access_token, { [oauth.customFetch]: showing({}) }),
      (error) => error instanceof oauth.WWWAuthenticateChallengeError && error.status === 401);

    const again = await oauth.refreshTokenGrantRequest(as, bank.metadata, bank.auth, tokens.refresh_token, bank.options);
    const renewed = await oauth.processRefreshTokenResponse(as, bank.metadata, again);
    assert.notEqual(renewed.access_token, tokens.access_token);
  });
}

test('a long poll is answered when the person has decided', async () => {
  const bank = await party('private_key_jwt');
  const { auth_req_id: id } = await starts(bank);
  const waiting = polls(bank, id, { headers: new Headers({ prefer: 'wait=20' }) });
  const began = Date.now();
  await new Promise((resolve) => { setTimeout(resolve, 300); });
  await decides(id);
  assert.ok((await waiting).id_token);
  assert.ok(Date.now() - began < 20_000, 'before the wait was over');
  const other = await starts(bank);
  await decides(other.auth_req_id, 'deny');
  assert.deepEqual(await refused(polls(bank, other.auth_req_id)), [400, 'access_denied']);
});

test('DPoP: proofs at each poll, a token that is bound to the key', async () => {
  const bank = await party('self_signed_tls_client_auth');
  // The key wins over the certificate.
  const keys = await oauth.generateKeyPair('ES256');
  const DPoP = oauth.DPoP(bank.metadata, keys);
  const { auth_req_id: id } = await starts(bank);
  await decides(id);
  const tokens = await polls(bank, id, { DPoP });
  assert.equal(tokens.token_type, 'dpop');
  const url = new URL(fapi.resource);
  const visit = await oauth.protectedResourceRequest(tokens.access_token, 'GET', url, undefined, null, { DPoP });
  assert.ok((await visit.json()).cnf.jkt);
  const other = { DPoP: oauth.DPoP(bank.metadata, await oauth.generateKeyPair('ES256')) };
  await assert.rejects(oauth.protectedResourceRequest(tokens.access_token, 'GET', url, undefined, null, other),
    (error) => error.status === 401);
});

test('details of a payment come back as they were granted', async () => {
  const bank = await party('private_key_jwt');
  const details = [{ type: 'payment_initiation', instructedAmount: { amount: '20.00', currency: 'EUR' } }];
  const { auth_req_id: id } = await starts(bank, { authorization_details: JSON.stringify(details) });
  await decides(id);
  const tokens = await polls(bank, id);
  assert.deepEqual(tokens.authorization_details, details);
});

test('the sample API says who gives tokens for it', async () => {
  const at = new URL(fapi.resource);
  const bare = await fetch(at);
  assert.equal(bare.status, 401);
  const told = await oauth.resourceDiscoveryRequest(at);
  const metadata = await oauth.processResourceDiscoveryResponse(at, told);
  assert.deepEqual(metadata.authorization_servers, [fapi.issuer]);
});

test('the first tenant, in profile auth0, introspects its own tokens', async () => {
  const home = new URL(card.issuer);
  const server = await oauth.processDiscoveryResponse(home, await oauth.discoveryRequest(home));
  const auth = oauth.ClientSecretPost(card.client.client_secret);
  const asked = await oauth.introspectionRequest(server, card.client, auth, 'unknown');
  assert.deepEqual(await oauth.processIntrospectionResponse(server, card.client, asked), { active: false });
});
