// `/device/v1`: every call with its proof (D7), made anew with the server's time if our clock is off.
import { correct, now } from './clock.js';
import { hash, sign } from './jose.js';
import { BASE } from './place.js';

/** @typedef {import('./vault.js').Account} Account */

/** A refusal, `{code, message}`; `offline` if nobody answered. */
export class Refusal extends Error {
  /**
   * @param {string} code
   * @param {number} status
   * @param {string} [message]
   */
  constructor(code, status, message) {
    super(message ?? code);
    this.code = code;
    this.status = status;
  }
}

/** What passes by itself: no network, a server that is away or too busy. */
export const passes = (/** @type {unknown} */ error) => error instanceof Refusal
  && (error.code === 'offline' || error.status === 429 || error.status >= 500);

/**
 * The proof of one call.
 * @param {Account} account
 * @param {string} method
 * @param {string} path
 * @param {string | undefined} body
 */
export async function proof(account, method, path, body) {
  const htu = new URL(path, BASE);
  htu.search = '';
  const claims = { htm: method, htu: htu.href, iat: now(), jti: crypto.randomUUID() };
  const bh = body === undefined ? {} : { bh: await hash(body) };
  const header = { typ: 'aizuchi-proof+jwt', kid: account.device };
  return sign(account.privateKey, header, { ...claims, ...bh });
}

/** @param {Response} answer */
async function refusal(answer) {
  const said = await answer.json().catch(() => ({}));
  return new Refusal(String(said.code ?? 'internal_error'), answer.status, said.message);
}

/**
 * A call, with a proof if an account makes it.
 * @param {Account | undefined} account
 * @param {string} method
 * @param {string} path
 * @param {{body?: string, signal?: AbortSignal}} [more]
 */
export async function send(account, method, path, { body, signal } = {}) {
  for (let tries = 0; ; tries += 1) {
    /** @type {Record<string, string>} */
    const headers = body === undefined ? {} : { 'content-type': 'application/json' };
    if (account) headers['device-proof'] = await proof(account, method, path, body);
    const answer = await fetch(new URL(path, BASE), { method, headers, body, signal, cache: 'no-store' })
      .catch((error) => { throw signal?.aborted ? error : new Refusal('offline', 0); });
    if (answer.ok) return answer;
    const refused = await refusal(answer);
    if (refused.code !== 'clock_off' || tries > 0 || !correct(answer.headers.get('date'))) throw refused;
  }
}

/**
 * The same, with JSON both ways.
 * @param {Account | undefined} account
 * @param {string} method
 * @param {string} path
 * @param {object} [body]
 */
export async function call(account, method, path, body) {
  const answer = await send(account, method, path, { body: body && JSON.stringify(body) });
  return answer.status === 204 ? undefined : answer.json();
}

/**
 * What the server offers to devices; only what it names.
 * @returns {Promise<{issuer: string, name: string, languages: string[], web_push?: {public_key: string}, passkeys?: unknown}>}
 */
export const configuration = () => call(undefined, 'GET', 'device/v1/configuration');
