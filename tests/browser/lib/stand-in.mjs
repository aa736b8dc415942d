// A server's words as a test wants them: signed by a key of ours, which the page pins at its enrollment.
import { webcrypto } from 'node:crypto';

import { adds, enrolls, home } from './authenticator.mjs';
import { PHONE, window } from './chromium.mjs';
import { person } from './house.mjs';

const encoder = new TextEncoder();
export const encoded = (bytes) => Buffer.from(bytes).toString('base64url');

/** A server's key of ours, which a page pins instead of the server's, so that it may be shown anything. */
async function stranger() {
  const kind = { name: 'ECDSA', namedCurve: 'P-256' };
  const { privateKey, publicKey } = await webcrypto.subtle.generateKey(kind, true, ['sign', 'verify']);
  const sign = async (claims, typ = 'aizuchi-content+jwt') => {
    const input = `${encoded(JSON.stringify({ typ, alg: 'ES256' }))}.${encoded(JSON.stringify(claims))}`;
    const signature = await webcrypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, privateKey, encoder.encode(input));
    return `${input}.${encoded(new Uint8Array(signature))}`;
  };
  return { sign, jwk: await webcrypto.subtle.exportKey('jwk', publicKey) };
}

/**
 * A page that trusts our key, and whose server has one request with this content; what it answers to a
 * decision, `reply` says.
 */
export async function shown(change, options = {}) {
  const user = await person('Shown Person');
  const page = await window({ viewport: PHONE, serviceWorkers: 'block', ...options });
  const { sign, jwk } = await stranger();
  let device;
  await page.route('**/device/v1/enrollments', async (route) => {
    const answer = await route.fetch();
    device = await answer.json();
    await route.fulfill({ response: answer, json: { ...device, server_key: jwk } });
  });
  const seconds = Math.floor(Date.now() / 1000);
  const request = 'cns_AbCdEfGhIjKlMnOpQrStUv';
  const sent = [];
  const state = { reply: { status: 204, headers: { location: `${home}../receipts/txn_1` } } };
  await page.route('**/device/v1/events', (route) => route.fulfill({ status: 503, json: { code: 'unavailable', message: '-' } }));
  await page.route(/device\/v1\/requests\?/, (route) => route.fulfill({ json: { requests: [{ request }], next: null } }));
  await page.route(`**/device/v1/requests/${request}/decision`, (route) => {
    sent.push(route.request().postDataJSON());
    return route.fulfill(typeof state.reply === 'function' ? state.reply(sent.length) : state.reply);
  });
  await page.route(/device\/v1\/requests\/[^/]*$/, async (route) => {
    if (state.over) return route.fulfill({ status: 409, json: { code: 'decided', message: '-' } });
    const request = new URL(route.request().url()).pathname.split('/').pop();
    const claims = {
      v: 1, iss: device.issuer_url, user: device.user, client: { id: 'shop', name: 'Book shop', domain: 'shop.example' },
      binding_message: 'Pay the book', scope: [{ value: 'openid', description: null }], display: { locale: 'en', lines: [] },
      user_verification: 'none', created_at: seconds, expires_at: seconds + 300, request, ...change,
    };
    const content = await sign(Object.fromEntries(Object.entries(claims).filter(([, value]) => value !== undefined)));
    return route.fulfill({ json: { request, content: state.tamper ? state.tamper(content) : content } });
  });
  return { page, sent, state, request, enter: () => enrolls(page, user), adds: () => adds(page, user) };
}

/** The claims of a decision as it was sent. */
export const decided = ({ decision }) => JSON.parse(Buffer.from(decision.split('.')[1], 'base64url').toString());
