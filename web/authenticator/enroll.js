// Becoming a device: a ticket in, an account out (D2). The key is made here and stays here.
import { call, configuration, Refusal } from './api.js';
import { now } from './clock.js';
import { newKey, sign } from './jose.js';
import { BASE } from './place.js';
import { keepAccount } from './state.js';
import { language } from './words.js';

/** @typedef {import('./vault.js').Account} Account */

/** A ticket of ours has 32 characters; none is longer than this. */
const TICKET = /^[\w.~-]{8,64}$/;

/**
 * The ticket in what was scanned, pasted or opened: our link, the code for Guardian apps, or the bare code.
 * @param {string} text
 */
export function ticketIn(text) {
  const trimmed = text.trim();
  const found = /[#?&]enroll=([^&#\s]+)/.exec(trimmed) ?? /[?&]enrollment_tx_id=([^&#\s]+)/.exec(trimmed);
  let ticket = trimmed;
  try {
    if (found) ticket = decodeURIComponent(found[1] ?? '');
  } catch {
    return undefined;
  }
  return TICKET.test(ticket) ? ticket : undefined;
}

/**
 * Whether a link that was scanned or pasted is for this server, by any of its addresses; a bare code may be.
 * @param {string} text
 */
export async function isForUs(text) {
  const [address] = /^https?:\/\/\S+/.exec(text.trim()) ?? [];
  if (!address || address.startsWith(BASE.href)) return true;
  const offer = await configuration().catch(() => undefined);
  return offer !== undefined && address.startsWith(offer.issuer);
}

/**
 * Enrolls this browser; nothing is spent if the server says no.
 * @param {string} ticket
 * @param {string} name
 * @param {object} [passkey] registered with it
 * @returns {Promise<Account>}
 */
export async function enroll(ticket, name, passkey) {
  const { issuer } = await configuration();
  const { privateKey, jwk } = await newKey();
  for (let tries = 0; ; tries += 1) {
    const claims = { ticket, aud: issuer, iat: now() };
    const proof = await sign(privateKey, { typ: 'aizuchi-key+jwt' }, claims);
    const body = { ticket, name, key: jwk, channel: { kind: 'none' }, locale: language, proof, ...(passkey && { passkey }) };
    try {
      const told = await call(undefined, 'POST', 'device/v1/enrollments', body);
      const account = {
        device: String(told.device), user: String(told.user), issuer: String(told.issuer_url), server: String(told.name),
        name, serverKey: told.server_key, privateKey, jwk, enrolledAt: now(),
      };
      await keepAccount(account);
      // Some browsers ask the person, who may answer whenever they like.
      navigator.storage?.persist?.().catch(() => false);
      return account;
    } catch (error) {
      // The call itself has gone by the server's time since; what was signed has not.
      const isClock = error instanceof Refusal && error.code === 'clock_off' && tries === 0;
      if (!isClock) throw error;
    }
  }
}

/** An iPad, whose Safari says that it is a Mac; no Mac has a screen for fingers. */
const isIpad = () => /Macintosh/.test(navigator.userAgent) && navigator.maxTouchPoints > 1;

/** What this browser is likely to be called. */
export function likelyName() {
  const agent = isIpad() ? navigator.userAgent.replace('Macintosh', 'iPad') : navigator.userAgent;
  const kinds = [[/iPhone/, 'iPhone'], [/iPad/, 'iPad'], [/Android/, 'Android'], [/Macintosh/, 'Mac'], [/Windows/, 'Windows'], [/Linux/, 'Linux']];
  const kind = kinds.find(([pattern]) => /** @type {RegExp} */ (pattern).test(agent));
  const browsers = [[/Edg\//, 'Edge'], [/Firefox\//, 'Firefox'], [/Chrome\//, 'Chrome'], [/Safari\//, 'Safari']];
  const browser = browsers.find(([pattern]) => /** @type {RegExp} */ (pattern).test(agent));
  return [browser?.[1], kind?.[1]].filter(Boolean).join(', ');
}

/** Safari on a phone or tablet that is not installed: its storage is another than the installed app's. */
export const isBareSafari = () => (/iPhone|iPad/.test(navigator.userAgent) || isIpad()) && !matchMedia('(display-mode: standalone)').matches;
