// Sends each line of the table to both providers and prints the lines on which they differ.
import { good, polling, table } from './table.mjs';

const card = JSON.parse(process.env.AIZUCHI_CARD);
/** So long a poll asks to wait: who answers sooner does not wait, on the slowest machine. */
const WAIT_S = 5;

async function call(url, { method = 'POST', body, headers = {} }) {
  const answer = await fetch(url, { method, body, headers });
  const text = await answer.text();
  let json = {};
  try { json = JSON.parse(text); } catch { /* a page */ }
  return { status: answer.status, headers: answer.headers, json };
}

const basic = (id, secret) => `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`;

/** Our side: a client of profile `ciba` with a secret, and a person with a virtual phone. */
async function ours() {
  const base = card.issuer;
  const form = new URLSearchParams({ grant_type: 'client_credentials', ...card.management });
  const { json: { access_token: token } } = await call(`${base}oauth/token`, { body: form });
  const manage = (method, path, body) => call(`${base}api/v2/${path}`, {
    method, body: JSON.stringify(body), headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
  });
  await manage('PATCH', 'tenants/settings', { profiles: ['auth0', 'ciba'], default_profile: 'ciba' });
  const client = async (name) => {
    const { status, json } = await manage('POST', 'clients', {
      name, profile: 'ciba', oidc_conformant: true, grant_types: ['urn:openid:params:grant-type:ciba'],
      token_endpoint_auth_method: 'client_secret_basic',
    });
    if (status !== 201) throw new Error(`no client: ${status} ${JSON.stringify(json)}`);
    return { id: json.client_id, secret: json.client_secret };
  };
  const hint = card.user.user_id;
  await call(`${base}dev/users/${encodeURIComponent(hint)}/phone`, {});
  return {
    start: `${base}bc-authorize`, token: `${base}oauth/token`, hint,
    client: await client('One'), other: await client('Other'),
    approve: (id) => call(`${base}dev/ciba/${id}/allow`, {}),
  };
}

/** The peer: its clients are those of bench/peer-oidc-provider. */
async function theirs() {
  const base = process.env.PEER;
  const { json } = await call(`${base}/.well-known/openid-configuration`, { method: 'GET' });
  const secret = 'bench-secret-bench-secret-bench-secret-0001';
  return {
    start: json.backchannel_authentication_endpoint, token: json.token_endpoint, hint: 'alice',
    client: { id: 'bench-basic', secret }, other: { id: 'bench-post', secret, inBody: true },
    approve: (id) => call(`${base}/hook/approve`, { body: new URLSearchParams({ auth_req_id: id }) }),
  };
}

/** What an answer is, in a few words. */
function words({ status, headers, json }, isWhole = false) {
  const all = [String(status)];
  if (json.error) all.push(`\`${json.error}\``);
  if (isWhole) all.push(json.interval === undefined ? 'no `interval`' : `\`interval\` ${json.interval}`);
  if (status === 401 && headers.has('www-authenticate')) all.push('with a challenge');
  if ((json.auth_req_id || json.error || json.access_token) && !/no-store/.test(headers.get('cache-control') ?? '')) all.push('may be kept');
  return all.join(', ');
}

async function starts(side, change, of = side.client) {
  const call_ = { secret: of.secret, type: 'application/x-www-form-urlencoded', method: 'POST' };
  const body = change(good(side.hint), call_);
  const url = call_.query ? `${side.start}?${call_.query}` : side.start;
  const headers = body === undefined ? {} : { 'content-type': call_.type };
  if (of.inBody) { body.set('client_id', of.id); body.set('client_secret', of.secret); }
  else if (call_.secret) headers.authorization = basic(of.id, call_.secret);
  return call(url, { method: call_.method, body: body?.toString(), headers });
}

function polls(side, form, headers = {}) {
  const { id, secret } = side.client;
  return call(side.token, { body: form, headers: { authorization: basic(id, secret), ...headers } });
}

const wait = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

/** What the token endpoint says in a situation. */
async function polled(side, { situation, change }) {
  const of = situation === 'foreign' ? side.other : side.client;
  const short = (form) => { form.set('requested_expiry', '1'); return form; };
  const begun = await starts(side, situation === 'expired' ? short : (form) => form, of);
  const id = situation === 'unknown' ? 'A'.repeat(43) : begun.json.auth_req_id;
  const form = () => change(polling(id));
  if (situation === 'polled' || situation === 'approved') await polls(side, form());
  if (['approved', 'redeemed', 'raced', 'foreign'].includes(situation)) await side.approve(id);
  if (situation === 'redeemed') await polls(side, form());
  if (situation === 'expired') await wait(1500);
  if (situation === 'raced') {
    const all = await Promise.all(Array.from({ length: 10 }, () => polls(side, form())));
    const number = all.filter((one) => one.status === 200).length;
    return `tokens for ${number} of them`;
  }
  if (situation !== 'waiting') return words(await polls(side, form()));
  const began = performance.now();
  const told = words(await polls(side, form(), { prefer: `wait=${WAIT_S}` }));
  return `${told}, ${performance.now() - began < WAIT_S * 990 ? 'at once' : `after ${WAIT_S} seconds`}`;
}

const sides = [await ours(), await theirs()];
const rows = [];
for (const line of table) {
  const [our, their] = await Promise.all(sides.map(async (side) =>
    (line.path === 'start' ? words(await starts(side, line.change), line.isWhole) : polled(side, line))));
  if (our !== their) rows.push([line.what, our, their, line.clause]);
}
console.log(`# Where we answer otherwise

The same requests, sent to Aizuchi (a client of profile \`ciba\`) and to npm \`oidc-provider\` 9.13.3 as \`bench/peer-oidc-provider\` sets it up, by
\`tests/differences/run\`, which also compares this page with what they answer. Of ${table.length} kinds of requests ${rows.length} are answered otherwise; the last column
says what ours stands on. Where a standard leaves it open, both may be right. What a deployment of the peer writes itself (hints, user codes, binding messages, the
device) is set up there to take everything, so that a line about it tells of our rule alone.

| sent | Aizuchi | oidc-provider | stands on |
| --- | --- | --- | --- |`);
for (const row of rows) console.log(`| ${row.join(' | ')} |`);
