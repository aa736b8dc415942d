// Registers what a run needs and writes the driver's target files:
//   node setup.mjs CARD.json KEYS OUT PEER_PORT [USERS.jsonl [DEVICES.jsonl]]
// CARD.json is the line of `aizuchi dev --json`. Clients and APIs are made by the Management API
// through the plain listener; the peer's targets stand beside ours with the same names.
import { readFileSync, writeFileSync } from 'node:fs';
import { relative } from 'node:path';

const [cardFile, keys, out, peerPort, usersFile, devicesFile] = process.argv.slice(2);
const card = JSON.parse(readFileSync(cardFile));
const base = card.http.replace(/\/$/, '');
const deviceJwk = JSON.parse(readFileSync(`${keys}/device.jwk.json`));
const fromOut = (path) => relative(out, path);

async function call(method, path, body, token) {
  const answer = await fetch(`${base}${path}`, {
    method,
    headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) },
    body: JSON.stringify(body),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
  return JSON.parse(text);
}

const { access_token: bearer } = await call('POST', '/oauth/token',
  { grant_type: 'client_credentials', ...card.management });

const CIBA = 'urn:openid:params:grant-type:ciba';
const manage = (path, body) => call('POST', `/api/v2${path}`, body, bearer);
const pem = readFileSync(`${keys}/client-rs256.pem`, 'utf8');

async function register(alg, privateKeyJwt) {
  const api = await manage('/resource-servers', {
    name: `bench ${alg}`, identifier: `urn:bench:${alg}:${Math.random().toString(36).slice(2)}`,
    signing_alg: alg, scopes: [{ value: 'api:read', description: 'Read' }],
  });
  const client = await manage('/clients', {
    name: `bench ${alg}`, grant_types: [CIBA], oidc_conformant: true, jwt_configuration: { alg },
    ...(privateKeyJwt && {
      client_authentication_methods: {
        private_key_jwt: { credentials: [{ name: 'bench', credential_type: 'public_key', pem, alg: 'RS256' }] },
      },
    }),
  });
  return { client, audience: api.identifier };
}

const hint = JSON.stringify({ format: 'iss_sub', iss: card.issuer, sub: '{user}' });

// A user, and the code of their enrollment page.
const TICKET = [
  { method: 'POST', path: '/api/v2/users', content_type: 'application/json', expect: 201,
    headers: { authorization: 'Bearer {bearer}' }, capture: { user: '/user_id' },
    body: '{"connection":"bench","user_id":"{n}","email":"u{n}@example.com"}' },
  { method: 'POST', path: '/api/v2/guardian/enrollments/ticket', content_type: 'application/json',
    headers: { authorization: 'Bearer {bearer}' }, capture: { ticket: '/ticket_id' }, body: '{"user_id":"{user}"}' },
  { method: 'POST', path: '/appliance-mfa/api/start-flow', content_type: 'application/json',
    headers: { authorization: 'Ticket id="{ticket}"' }, capture: { tx: '/enrollment_tx_id' },
    body: '{"state_transport":"polling"}' },
];

function ours(name, client, audience) {
  return {
    name: `Aizuchi, ${name}`,
    base,
    client,
    authorize: { path: '/bc-authorize', form: { scope: 'openid api:read', audience, login_hint: hint, binding_message: 'B{n}' } },
    token: { path: '/oauth/token' },
    device_key: fromOut(`${keys}/device.p8`),
    device_jwk: deviceJwk,
    ...(usersFile && { users_file: fromOut(usersFile) }),
    approve: [
      { method: 'GET', path: '/dev/tray/{push_token}', until_newer: '/0/sent_at',
        capture: { cns: '/0/payload/txlnkid', txtkn: '/0/payload/txtkn', c: '/0/payload/c' } },
      { method: 'GET', path: '/rich-consents/{cns}',
        headers: { authorization: 'MFA-DPoP {txtkn}', 'mfa-dpop': '{jws}' },
        jws: { header: { typ: 'dpop+jwt', alg: 'ES256', jwk: '{device_jwk}' },
          payload: { htm: 'GET', ath: '{sha256:txtkn}', htu: '{base}/rich-consents/{cns}', iat: '{now}', jti: '{jti}' } } },
      { method: 'POST', path: '/appliance-mfa/api/resolve-transaction', content_type: 'application/json',
        headers: { authorization: 'Bearer {txtkn}' }, expect: 204, body: '{"challenge_response":"{jws}"}',
        jws: { header: { typ: 'JWT', alg: 'ES256' },
          payload: { aud: '{base}/appliance-mfa/api/resolve-transaction', sub: '{c}', auth0_guardian_accepted: true,
            auth0_guardian_method: 'push', iss: '{identifier}', exp: '{now+30}', iat: '{now}' } } },
    ],
    seed: [
      ...TICKET,
      { method: 'POST', path: '/appliance-mfa/api/enroll', content_type: 'application/json', expect: 201,
        headers: { authorization: 'Ticket id="{tx}"' },
        body: '{"identifier":"{identifier}","name":"bench","push_credentials":{"service":"GCM","token":"{push_token}"},"public_key":{device_jwk}}' },
    ],
  };
}

// Devices of our own dialect, which listen to their inbox.
function listening(client, audience) {
  const { approve, users_file: _, ...same } = ours('devices that listen', client, audience);
  return {
    ...same,
    ...(devicesFile && { users_file: fromOut(devicesFile) }),
    listen: {
      method: 'GET', path: '/device/v1/events', headers: { 'device-proof': '{jws}' },
      jws: { header: { typ: 'aizuchi-proof+jwt', alg: 'ES256', kid: '{device}' },
        payload: { htm: 'GET', htu: '{base}/device/v1/events', iat: '{now}', jti: '{jti}' } },
    },
    seed: [
      ...TICKET.map((step) => ({ ...step, body: step.body.replace('"user_id":"{n}"', '"user_id":"d{n}"').replace('u{n}@', 'd{n}@') })),
      { method: 'POST', path: '/device/v1/enrollments', content_type: 'application/json', expect: 201, capture: { device: '/device' },
        body: '{"ticket":"{tx}","name":"bench","key":{device_jwk},"channel":{"kind":"none"},"locale":"en","proof":"{jws}"}',
        jws: { header: { typ: 'aizuchi-key+jwt', alg: 'ES256' }, payload: { ticket: '{tx}', aud: card.issuer, iat: '{now}' } } },
    ],
  };
}

function peer(name, client) {
  return {
    name: `oidc-provider, ${name}`,
    base: `http://127.0.0.1:${peerPort}`,
    client,
    authorize: { path: '/backchannel', form: { scope: 'openid api:read', login_hint: '{user}', binding_message: 'B{n}' } },
    token: { path: '/token' },
    device_key: fromOut(`${keys}/device.p8`),
    approve: [
      { method: 'GET', path: '/hook/consent?auth_req_id={auth_req_id}' },
      { method: 'POST', path: '/hook/approve', content_type: 'application/x-www-form-urlencoded',
        jws: { header: { alg: 'ES256', typ: 'JWT' }, payload: { auth_req_id: '{auth_req_id}', decision: 'allow', iat: '{now}' } },
        body: 'auth_req_id={auth_req_id}&jws={jws}' },
    ],
    gc_path: '/hook/gc',
  };
}

const write = (name, target) => writeFileSync(`${out}/${name}.json`, JSON.stringify(target, null, 2));
const post = { method: 'client_secret_post', id: 'bench-post', secret: 'bench-secret-bench-secret-bench-secret-0001' };
const assertion = { method: 'private_key_jwt', key: fromOut(`${keys}/client-rs256.p8`), alg: 'RS256' };

for (const alg of ['ES256', 'RS256']) {
  const { client, audience } = await register(alg, false);
  write(`ours-${alg}`, ours(`secret, ${alg}`,
    { method: 'client_secret_post', id: client.client_id, secret: client.client_secret }, audience));
  if (alg === 'ES256') write('ours-devices', listening({ method: 'client_secret_post', id: client.client_id, secret: client.client_secret }, audience));
  write(`peer-${alg}`, peer(`secret, ${alg}`, post));
}
const { client, audience } = await register('ES256', true);
write('ours-assertion', ours('private_key_jwt, ES256', { ...assertion, id: client.client_id, aud: card.issuer }, audience));
write('peer-assertion', peer('private_key_jwt, ES256', { ...assertion, id: 'bench-pkjwt' }));
writeFileSync(`${out}/bearer`, bearer);
