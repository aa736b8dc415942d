// Signatures by WebCrypto: what this device signs, and what it checks of the server's. No network, no
// storage, no clock.

const ES256 = { name: 'ECDSA', hash: 'SHA-256' };
const CURVE = { name: 'ECDSA', namedCurve: 'P-256' };
const encoder = new TextEncoder();

/** @param {Uint8Array} bytes */
export function base64url(bytes) {
  const letters = Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');
  return btoa(letters).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
}

/**
 * The bytes of a text in base64url; throws for any other.
 * @param {string} text
 */
export function bytesOf(text) {
  if (!/^[\w-]*$/.test(text)) throw new TypeError('not base64url');
  const letters = atob(text.replace(/-/g, '+').replace(/_/g, '/'));
  return Uint8Array.from(letters, (letter) => letter.charCodeAt(0));
}

/** @param {string | Uint8Array<ArrayBuffer>} data */
export async function sha256(data) {
  const bytes = typeof data === 'string' ? encoder.encode(data) : data;
  return new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
}

/**
 * The base64url SHA-256 of a text's bytes: of a body (`bh`), of a content (`content_hash`).
 * @param {string} text
 */
export const hash = async (text) => base64url(await sha256(text));

/**
 * The challenge of an assertion that confirms a text (D14): SHA-256 of label, zero byte and text.
 * @param {string} label
 * @param {string} text
 */
export const challengeOf = (label, text) => sha256(`${label}\0${text}`);

/** A new key of a device: nobody can take its private half out of the browser (D1). */
export async function newKey() {
  const pair = await crypto.subtle.generateKey(CURVE, false, ['sign', 'verify']);
  const { kty, crv, x, y } = await crypto.subtle.exportKey('jwk', pair.publicKey);
  return { privateKey: pair.privateKey, jwk: { kty, crv, x, y } };
}

/** @typedef {{kty?: string, crv?: string, x?: string, y?: string, alg?: string}} Jwk */

/**
 * The code that a person compares (D4): the first 30 bits of the key's RFC 7638 thumbprint in base32.
 * @param {Jwk} jwk
 */
export async function keyCode({ crv, kty, x, y }) {
  const members = kty === 'OKP' ? { crv, kty, x } : { crv, kty, x, y };
  const [a = 0, b = 0, c = 0, d = 0] = await sha256(JSON.stringify(members));
  const bits = ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
  const letter = (/** @type {number} */ at) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.charAt((bits >>> (27 - 5 * at)) & 31);
  return `${letter(0)}${letter(1)}${letter(2)}-${letter(3)}${letter(4)}${letter(5)}`;
}

/** @param {object} value */
const encoded = (value) => base64url(encoder.encode(JSON.stringify(value)));

/**
 * The signing input of a JWS by this device's key.
 * @param {object} header without `alg`
 * @param {object} claims
 */
export const signingInput = (header, claims) => `${encoded({ ...header, alg: 'ES256' })}.${encoded(claims)}`;

/**
 * @param {CryptoKey} key
 * @param {string} input
 */
export async function signed(key, input) {
  const signature = await crypto.subtle.sign(ES256, key, encoder.encode(input));
  return `${input}.${base64url(new Uint8Array(signature))}`;
}

/**
 * @param {CryptoKey} key
 * @param {object} header
 * @param {object} claims
 */
export const sign = (key, header, claims) => signed(key, signingInput(header, claims));

/** @param {string} part */
function object(part) {
  const value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytesOf(part)));
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new TypeError('not an object');
  return value;
}

/**
 * The claims of a JWS, if the pinned key signed it, as this type, and with no extension.
 * @param {string} jws
 * @param {Jwk} jwk
 * @param {string} typ
 */
export async function verified(jws, jwk, typ) {
  const [header = '', claims = '', signature = '', ...more] = jws.split('.');
  if (more.length > 0) throw new TypeError('not a JWS');
  const said = object(header);
  const isOkp = jwk.kty === 'OKP';
  const known = isOkp ? ['EdDSA', 'Ed25519'] : ['ES256'];
  if (said.typ !== typ || said.crit !== undefined || !known.includes(said.alg)) throw new TypeError('another kind of JWS');
  const kind = isOkp ? { name: 'Ed25519' } : CURVE;
  const { kty, crv, x, y } = jwk;
  const bare = isOkp ? { kty, crv, x } : { kty, crv, x, y };
  const key = await crypto.subtle.importKey('jwk', bare, kind, false, ['verify']);
  const input = encoder.encode(`${header}.${claims}`);
  const holds = await crypto.subtle.verify(isOkp ? kind : ES256, key, bytesOf(signature), input);
  if (!holds) throw new TypeError('the signature does not hold');
  return object(claims);
}
