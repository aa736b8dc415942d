// The server under test, by public doors only: its card, the Management API, a client, commands.
import { execFile } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

export const card = JSON.parse(process.env.AIZUCHI_CARD);
export const root = new URL('../../../', import.meta.url).pathname;
const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), 'aizuchi-browser-'));
let number = 0;
/** Files of tests are programs of their own, and share one server. */
const program = process.pid.toString(36);

/** Runs a command; what it says on standard output. */
export async function aizuchi(...words) {
  const { stdout } = await run(process.env.AIZUCHI_BINARY, words);
  return stdout.trim();
}

/** A one-time link for an operator of this name. */
export function link(name) {
  return aizuchi('console', 'link', '--name', name, '--data', process.env.AIZUCHI_DATA);
}

/** The address of a page of the console, on the plain listener. */
export const at = (path) => new URL(`console/${path}`, card.http).href;

/** The web authenticator's address, on the plain listener: browsers take localhost for secure. */
export const home = new URL('authenticator/', card.http).href;

async function form(address, fields) {
  const answer = await fetch(address, { method: 'POST', body: new URLSearchParams(fields) });
  const body = await answer.json();
  if (!answer.ok) throw new Error(`${address}: ${answer.status} ${JSON.stringify(body)}`);
  return body;
}

let token;

/** A call of the Management API. */
export async function manages(method, path, body) {
  const { client_id, client_secret, audience } = card.management;
  const grant = { grant_type: 'client_credentials', client_id, client_secret, audience };
  token ??= (await form(`${card.issuer}oauth/token`, grant)).access_token;
  const answer = await fetch(`${card.issuer}api/v2/${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: body && JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
  return answer.status === 204 ? undefined : answer.json();
}

/** A new user. */
export async function person(name, more = {}) {
  number += 1;
  const email = `${name.split(' ')[0].toLowerCase().replace(/[^a-z-]/g, '') || 'misaki'}.${program}.${number}@example.com`;
  const body = { connection: 'Username-Password-Authentication', email, email_verified: true, name, ...more };
  const user = await manages('POST', 'users', body);
  return { ...user, page: at(`users/${encodeURIComponent(user.user_id)}`) };
}

/** The same, with a virtual phone. */
export async function personWithPhone(name) {
  const user = await person(name);
  const answer = await fetch(`${card.http}dev/users/${encodeURIComponent(user.user_id)}/phone`, { method: 'POST' });
  if (answer.status !== 204) throw new Error(`no phone: ${answer.status}`);
  return user;
}

/** The bank asks; the phone says `allow`, `deny`, or nothing yet. */
export async function asks(user, message, decision, more = {}) {
  const { auth_req_id: id } = await form(`${card.issuer}bc-authorize`, {
    ...card.client,
    login_hint: JSON.stringify({ format: 'iss_sub', iss: card.issuer, sub: user.user_id }),
    binding_message: message,
    scope: 'openid',
    ...more,
  });
  if (decision) {
    const answer = await fetch(`${card.http}dev/ciba/${id}/${decision}`, { method: 'POST' });
    if (answer.status !== 204) throw new Error(`${decision}: ${answer.status}`);
  }
  return id;
}

/** A phone in a terminal enrolls by the text of a code. */
export function enrolls(text, name) {
  const state = join(folder, `${name}.json`);
  return aizuchi('phone', 'enroll', text, '--ca', process.env.NODE_EXTRA_CA_CERTS, '--state', state, '--name', name);
}

/** A link for a person's next device. */
export async function ticket(user) {
  const body = { user_id: user.user_id, allow_multiple_enrollments: true };
  return (await manages('POST', 'guardian/enrollments/ticket', body)).ticket_url;
}

/** What the person's enrollment page makes: a code that works five minutes. */
export async function ticketFor(user, more = {}) {
  const body = { user_id: user.user_id, allow_multiple_enrollments: true, ...more };
  const { ticket_id: id } = await manages('POST', 'guardian/enrollments/ticket', body);
  const answer = await fetch(`${card.issuer}appliance-mfa/api/start-flow`, {
    method: 'POST',
    headers: { authorization: `Ticket id="${id}"`, 'content-type': 'application/json' },
    body: JSON.stringify({ state_transport: 'polling' }),
  });
  if (!answer.ok) throw new Error(`no code: ${answer.status} ${await answer.text()}`);
  return (await answer.json()).enrollment_tx_id;
}

const base64url = (bytes) => Buffer.from(bytes).toString('base64url');

/** A device of our own dialect that uses a code of the enrollment page. */
export async function enrollsOwn(code, name = 'Alma’s device') {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256' };
  const pair = await crypto.subtle.generateKey(algorithm, true, ['sign']);
  const { kty, crv, x, y } = await crypto.subtle.exportKey('jwk', pair.publicKey);
  const claims = { ticket: code, aud: card.issuer, iat: Math.floor(Date.now() / 1000) };
  const parts = [{ typ: 'aizuchi-key+jwt', alg: 'ES256' }, claims];
  const text = parts.map((part) => base64url(JSON.stringify(part))).join('.');
  const signature = await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, pair.privateKey, Buffer.from(text));
  const answer = await fetch(`${card.issuer}device/v1/enrollments`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      ticket: code, name, key: { kty, crv, x, y }, channel: { kind: 'none' }, locale: 'en',
      proof: `${text}.${base64url(signature)}`,
    }),
  });
  if (answer.status !== 201) throw new Error(`no device: ${answer.status} ${await answer.text()}`);
  const thumbprint = await crypto.subtle.digest('SHA-256', Buffer.from(JSON.stringify({ crv, kty, x, y })));
  const bits = Buffer.from(thumbprint).readUInt32BE() >>> 2;
  const letters = [25, 20, 15, 10, 5, 0].map((at) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'[(bits >>> at) & 31]).join('');
  return { ...(await answer.json()), keyCode: `${letters.slice(0, 3)}-${letters.slice(3)}` };
}

/** A shop of profile `ciba`, with what else it is to have. */
export async function shop(name, more = {}) {
  const members = { name, app_type: 'regular_web', grant_types: ['urn:openid:params:grant-type:ciba'], profile: 'ciba', ...more };
  const { client_id, client_secret } = await manages('POST', 'clients', members);
  return { client_id, client_secret };
}

/** The shop asks; the whole acknowledgement. */
export const begins = (client, user, more) => form(`${card.issuer}bc-authorize`, {
  ...client, login_hint: user.user_id, scope: 'openid', ...more,
});

/** What the client gets for its request at this moment: `tokens`, or why there are none. */
export async function gets(id, client = card.client) {
  const grant = { ...client, grant_type: 'urn:openid:params:grant-type:ciba', auth_req_id: id };
  const answer = await fetch(`${card.issuer}oauth/token`, { method: 'POST', body: new URLSearchParams(grant) });
  const body = await answer.json();
  return answer.ok ? 'tokens' : body.error;
}

/** The client takes its request back. */
export async function takesBack(id) {
  const answer = await fetch(`${card.issuer}ciba/cancel`, { method: 'POST', body: new URLSearchParams({ ...card.client, auth_req_id: id }) });
  if (answer.status !== 204) throw new Error(`not taken back: ${answer.status}`);
}
