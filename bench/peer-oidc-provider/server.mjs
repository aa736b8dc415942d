// A load peer: oidc-provider with CIBA in poll mode, an in-memory store, and two
// hooks that stand for the authentication device. Loopback only.
//
//   PORT=4100          port on 127.0.0.1
//   SIGN_ALG=ES256     ES256 | RS256 | PS256 | EdDSA: id_token and JWT access token
//   AT_FORMAT=jwt      jwt: signed access token (2 signatures a flow) | opaque (1)
//   DEVICE_JWK=FILE    public P-256 JWK: /hook/approve then demands and checks a
//                      compact ES256 JWS over {"auth_req_id", "decision": "allow"}
//   CLIENT_JWK=FILE    public JWK (ES256 or RS256) of the private_key_jwt client
//   TTL=3600           lifetime of an authentication request, seconds; own: as the provider has it
import http from 'node:http';
import { readFileSync } from 'node:fs';
import { createPublicKey, verify, generateKeyPairSync } from 'node:crypto';
import Provider from 'oidc-provider';

const env = process.env;
const PORT = Number(env.PORT ?? 4100);
const ISSUER = env.ISSUER ?? `http://127.0.0.1:${PORT}`;
const ALG = env.SIGN_ALG ?? 'ES256';
const AT_JWT = (env.AT_FORMAT ?? 'jwt') === 'jwt';
const TTL = Number(env.TTL ?? 3600);
const API = 'urn:bench:api';

// ---- store: a Map with expiry. The bundled development store keeps 1000 entries
// only (LRU), so that it can't hold 10k pending requests.
const store = new Map(); // key -> { v, exp }
const byGrant = new Map(); // grantId -> Set(key)
const GRANTABLE = new Set(['AccessToken', 'AuthorizationCode', 'RefreshToken',
  'DeviceCode', 'BackchannelAuthenticationRequest']);
class MapAdapter {
  constructor(model) { this.model = model; this.grantable = GRANTABLE.has(model); }
  key(id) { return `${this.model}:${id}`; }
  async upsert(id, payload, expiresIn) {
    const key = this.key(id);
    store.set(key, { v: payload, exp: expiresIn ? Date.now() + expiresIn * 1000 : Infinity });
    if (this.grantable && payload.grantId) {
      let set = byGrant.get(payload.grantId);
      if (!set) byGrant.set(payload.grantId, set = new Set());
      set.add(key);
    }
  }
  async find(id) {
    const e = store.get(this.key(id));
    if (!e || e.exp < Date.now()) return undefined;
    return e.v;
  }
  async findByUid() { return undefined; }
  async findByUserCode() { return undefined; }
  async consume(id) { const e = store.get(this.key(id)); if (e) e.v.consumed = Math.floor(Date.now() / 1000); }
  async destroy(id) { store.delete(this.key(id)); }
  async revokeByGrantId(grantId) {
    for (const k of byGrant.get(grantId) ?? []) store.delete(k);
    byGrant.delete(grantId);
  }
}
setInterval(() => {
  const now = Date.now();
  for (const [k, e] of store) if (e.exp < now) store.delete(k);
}, 30_000).unref();

// ---- keys
async function signingJwk(alg) {
  const gen = {
    ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
    RS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
    PS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
    EdDSA: () => generateKeyPairSync('ed25519'),
  }[alg];
  return { ...gen().privateKey.export({ format: 'jwk' }), alg, use: 'sig', kid: 'k1' };
}
const readJwk = (f) => JSON.parse(readFileSync(f, 'utf8'));
const deviceKey = env.DEVICE_JWK
  ? createPublicKey({ key: readJwk(env.DEVICE_JWK), format: 'jwk' }) : null;

const CIBA = 'urn:openid:params:grant-type:ciba';
const common = {
  grant_types: [CIBA], response_types: [], redirect_uris: [],
  backchannel_token_delivery_mode: 'poll', id_token_signed_response_alg: ALG,
};
const secret = env.CLIENT_SECRET ?? 'bench-secret-bench-secret-bench-secret-0001';
const clients = [
  { ...common, client_id: 'bench-basic', client_secret: secret, token_endpoint_auth_method: 'client_secret_basic' },
  { ...common, client_id: 'bench-post', client_secret: secret, token_endpoint_auth_method: 'client_secret_post' },
];
if (env.CLIENT_JWK) {
  clients.push({ ...common, client_id: 'bench-pkjwt', token_endpoint_auth_method: 'private_key_jwt',
    token_endpoint_auth_signing_alg: readJwk(env.CLIENT_JWK).alg,
    jwks: { keys: [readJwk(env.CLIENT_JWK)] } });
}

const provider = new Provider(ISSUER, {
  adapter: MapAdapter,
  clients,
  jwks: { keys: [await signingJwk(ALG)] },
  cookies: { keys: ['bench'] },
  clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'private_key_jwt'],
  enabledJWA: {
    idTokenSigningAlgValues: ['ES256', 'RS256', 'PS256', 'EdDSA'],
    clientAuthSigningAlgValues: ['ES256', 'RS256'],
  },
  findAccount: (_ctx, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  pkce: { required: () => false },
  scopes: ['openid', 'api:read'],
  ttl: { ...(env.TTL === 'own' ? {} : { BackchannelAuthenticationRequest: TTL }), AccessToken: 600, IdToken: 600, Grant: 600 },
  features: {
    devInteractions: { enabled: false },
    ciba: {
      enabled: true,
      deliveryModes: ['poll'],
      processLoginHint: (_ctx, hint) => hint, // the account id itself
      processLoginHintToken: () => undefined,
      validateBindingMessage() {},
      validateRequestContext() {},
      verifyUserCode() {},
      triggerAuthenticationDevice() {},
    },
    resourceIndicators: {
      enabled: AT_JWT,
      defaultResource: () => API,
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({
        scope: 'api:read', audience: API, accessTokenTTL: 600,
        accessTokenFormat: 'jwt', jwt: { sign: { alg: ALG } },
      }),
    },
  },
});
provider.on('server_error', (_ctx, err) => console.error('server_error', err));

// ---- the device's side. Not part of oidc-provider: what a deployment adds.
const body = (req) => new Promise((ok, no) => {
  const parts = [];
  req.on('data', (c) => parts.push(c)).on('end', () => ok(Buffer.concat(parts).toString())).on('error', no);
});
const json = (res, status, obj) => {
  const s = JSON.stringify(obj);
  res.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(s) });
  res.end(s);
};
function checkSignature(jws, authReqId) {
  const [h, p, s] = jws.split('.');
  if (!s) return false;
  if (JSON.parse(Buffer.from(h, 'base64url')).alg !== 'ES256') return false;
  const claims = JSON.parse(Buffer.from(p, 'base64url'));
  if (claims.auth_req_id !== authReqId || claims.decision !== 'allow') return false;
  return verify('sha256', Buffer.from(`${h}.${p}`), { key: deviceKey, dsaEncoding: 'ieee-p1363' }, Buffer.from(s, 'base64url'));
}
async function hook(req, res) {
  const url = new URL(req.url, ISSUER);
  if (req.method === 'GET' && url.pathname === '/hook/consent') {
    const r = await provider.BackchannelAuthenticationRequest.find(url.searchParams.get('auth_req_id'));
    if (!r) return json(res, 404, { error: 'not_found' });
    return json(res, 200, { client_id: r.clientId, scope: r.scope, sub: r.accountId, binding_message: r.params?.binding_message });
  }
  if (req.method === 'POST' && url.pathname === '/hook/approve') {
    const form = new URLSearchParams(await body(req));
    const id = form.get('auth_req_id');
    if (deviceKey && !checkSignature(form.get('jws') ?? '', id)) return json(res, 401, { error: 'bad_signature' });
    const r = await provider.BackchannelAuthenticationRequest.find(id);
    if (!r) return json(res, 404, { error: 'not_found' });
    const grant = new provider.Grant({ accountId: r.accountId, clientId: r.clientId });
    grant.addOIDCScope('openid');
    if (AT_JWT) grant.addResourceScope(API, 'api:read');
    await grant.save();
    await provider.backchannelResult(r, grant, { acr: 'bench', amr: ['hwk'], authTime: Math.floor(Date.now() / 1000) });
    return json(res, 200, { ok: true });
  }
  if (req.method === 'POST' && url.pathname === '/hook/gc') {
    globalThis.gc?.();
    return json(res, 200, { ...process.memoryUsage(), entries: store.size });
  }
  return json(res, 404, { error: 'no_such_hook' });
}
const oidc = provider.callback();
const server = http.createServer((req, res) => {
  if (!req.url.startsWith('/hook/')) return oidc(req, res);
  return hook(req, res).catch((e) => { console.error(e); json(res, 500, { error: String(e) }); });
});
server.keepAliveTimeout = 120_000;
server.listen(PORT, '127.0.0.1', () => console.log(`ready ${ISSUER} pid ${process.pid} node ${process.version} alg ${ALG} at ${AT_JWT ? 'jwt' : 'opaque'}`));
