// The words of a request: checked under the pinned key before anything of them is seen (D11), and
// brought into the order in which they are shown. No element is made here.
import { verified } from './jose.js';
import { moment, money, say } from './words.js';

/** @typedef {import('./vault.js').Account} Account */
/** @typedef {{label: string, text: string, level: number}} Row */

/**
 * A content whose signature holds, each member of the right kind.
 * @typedef {object} Content
 * @property {{id: string, name: string, domain?: string | null}} client
 * @property {{path: string, sha256: string} | null} [logo]
 * @property {string} [binding_message]
 * @property {{value: string, description?: string | null}[]} scope
 * @property {{identifier: string, name: string}} [audience]
 * @property {string[]} [further_audiences]
 * @property {string[]} [claims]
 * @property {unknown} [authorization_details]
 * @property {{locale: string, lines: string[]}} display
 * @property {unknown} [context]
 * @property {{style: 'type'} | {style: 'choose', numbers: string[]}} [match]
 * @property {'none' | 'required'} user_verification
 * @property {number} created_at
 * @property {number} expires_at
 */

const TYP = 'aizuchi-content+jwt';
/** So deep are details shown as rows; what lies deeper is shown as JSON. */
const DEPTH = 4;
/** So many rows of details; more cannot be read by anybody. */
const ROWS = 200;

/** What was signed by somebody else, for somebody else, or cannot be understood. */
export class Unreadable extends Error {}

/** @param {unknown} value @returns {value is string} */
const isText = (value) => typeof value === 'string';
/** @param {unknown} value @returns {value is string[]} */
const areTexts = (value) => Array.isArray(value) && value.every(isText);
/** @param {unknown} value @returns {value is Record<string, unknown>} */
const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);
/** @param {(value: any) => boolean} check @returns {(value: unknown) => boolean} */
const optional = (check) => (value) => value === undefined || value === null || check(value);

/** @param {unknown} value */
function isMatch(value) {
  if (!isObject(value)) return false;
  return value.style === 'type' || (value.style === 'choose' && areTexts(value.numbers));
}

/** @type {Record<string, (value: any) => boolean>} */
const MEMBERS = {
  client: (it) => isObject(it) && isText(it.id) && isText(it.name) && optional(isText)(it.domain),
  logo: optional((it) => isObject(it) && isText(it.path) && isText(it.sha256)),
  binding_message: optional(isText),
  scope: (it) => Array.isArray(it) && it.every((one) => isObject(one) && isText(one.value) && optional(isText)(one.description)),
  audience: optional((it) => isObject(it) && isText(it.identifier) && isText(it.name)),
  further_audiences: optional(areTexts),
  claims: optional(areTexts),
  display: (it) => isObject(it) && isText(it.locale) && areTexts(it.lines),
  match: optional(isMatch),
  user_verification: (it) => it === 'none' || it === 'required',
  created_at: Number.isSafeInteger,
  expires_at: Number.isSafeInteger,
};

/**
 * Reads a content, or refuses it. A version that is not known may hold what must be shown.
 * @param {Account} account
 * @param {string} request
 * @param {string} jws
 * @returns {Promise<Content>}
 */
export async function read(account, request, jws) {
  const claims = await verified(jws, account.serverKey, TYP).catch((error) => { throw new Unreadable(String(error)); });
  if (claims.v !== 1) throw new Unreadable('a version that is not known');
  if (claims.request !== request) throw new Unreadable('another request');
  if (claims.user !== account.user) throw new Unreadable('another person');
  for (const [name, holds] of Object.entries(MEMBERS)) {
    if (!holds(claims[name])) throw new Unreadable(`${name} is not understood`);
  }
  return claims;
}

/** Letters that turn or hide what stands around them; emoji keep their joiners. */
const HIDDEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff]|[\u{e0000}-\u{e007f}]/gu;

/**
 * Text of others as it may be shown: what would work unseen is seen.
 * @param {string} text
 */
export const plain = (text) => text.replace(HIDDEN, (letter) => `[U+${(letter.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}]`);

/**
 * What is asked, in one line.
 * @param {Content} content
 */
export function headline(content) {
  const { binding_message: message, display, audience } = content;
  const [line] = display.lines;
  if (message) return plain(message);
  if (line) return plain(line);
  return audience ? say('ask-access', { name: plain(audience.name) }) : say('ask-sign-in');
}

/** A day or a moment as JSON has them. */
const DATE = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2}))?$/;

/** @param {unknown} value */
function scalar(value) {
  if (value === true) return say('value-yes');
  if (value === false) return say('value-no');
  if (isText(value) && DATE.test(value) && value.includes('T') && !Number.isNaN(Date.parse(value))) return moment(Date.parse(value) / 1000);
  return plain(String(value));
}

/**
 * The name of a member as people write it: `creditor_name`, `creditorName`.
 * @param {string} name
 */
const label = (name) => plain(name).replace(/([a-z\d])([A-Z])/g, '$1 $2').replace(/[_-]+/g, ' ');

/**
 * Details of any type as rows; amounts with a currency beside them as money.
 * @param {unknown} value
 * @param {string} [name]
 * @param {number} [level]
 * @returns {Row[]}
 */
export function rows(value, name = '', level = 0) {
  if (Array.isArray(value) && value.every((one) => !isObject(one) && !Array.isArray(one))) {
    return [{ label: label(name), text: value.map(scalar).join(', '), level }];
  }
  if (level > DEPTH) return [{ label: label(name), text: plain(JSON.stringify(value)), level }];
  if (Array.isArray(value)) return value.flatMap((one) => rows(one, name, level)).slice(0, ROWS);
  if (!isObject(value)) return [{ label: label(name), text: scalar(value), level }];
  const amount = money(value.amount, value.currency);
  const found = amount ? [{ label: label(name || 'amount'), text: amount, level }] : [];
  const others = Object.entries(value).filter(([member]) => !amount || (member !== 'amount' && member !== 'currency'));
  const head = name && !amount ? [{ label: label(name), text: '', level }] : [];
  return [...head, ...found, ...others.flatMap(([member, one]) => rows(one, member, level + 1))].slice(0, ROWS);
}

/**
 * What is granted, in sentences.
 * @param {Content} content
 */
export function grants(content) {
  const said = content.scope.filter(({ description }) => description).map(({ description }) => plain(description ?? ''));
  const bare = content.scope.filter(({ value, description }) => !description && !KNOWN.includes(value)).map(({ value }) => plain(value));
  const told = content.scope.filter(({ value }) => value in TOLD).map(({ value }) => say(/** @type {any} */ (TOLD)[value]));
  const claims = (content.claims ?? []).map(plain);
  return [...said, ...bare, ...told, ...(claims.length ? [say('grant-claims', { claims: claims.join(', ') })] : [])];
}

/** Scopes of OpenID Connect that grant nothing of which a person has to be told in words of their own. */
const KNOWN = ['openid', 'profile', 'email', 'address', 'phone', 'offline_access'];
const TOLD = { profile: 'grant-profile', email: 'grant-email', address: 'grant-address', phone: 'grant-phone', offline_access: 'grant-offline' };

/**
 * Whom the access is to, beyond the asker.
 * @param {Content} content
 */
export const audiences = ({ audience, further_audiences: more }) => [
  ...(audience ? [plain(audience.name)] : []), ...(more ?? []).map(plain)];

/** What clients usually say of it (`request_context`). */
const ORIGIN = { place: 'origin-place', device: 'origin-device', agent: 'origin-agent' };

/**
 * What the asker says of where the request comes from.
 * @param {Content} content
 */
export function origin({ context }) {
  if (!isObject(context)) return [];
  const named = (/** @type {string} */ name) => (/** @type {Record<string, string>} */ (ORIGIN))[name];
  return rows(context).map((row) => ({ ...row, label: named(row.label) ? say(named(row.label) ?? '') : row.label, level: 0 }));
}

/**
 * What it is called where there is little room: in lists and for those who listen.
 * @param {Content} content
 */
export const summary = (content) => say('request-summary', { name: plain(content.client.name), what: headline(content) });
