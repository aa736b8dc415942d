// The asker's picture: fetched from our server alone, and shown only if its bytes have the hash that was
// signed. Until then, and for every other picture, the first letter of the name stands in its place.
import { plain } from './content.js';
import { h } from './dom.js';
import { base64url, sha256 } from './jose.js';
import { BASE } from './place.js';

/** @typedef {import('./content.js').Content} Content */

/** Pictures that are held at a time; the oldest goes first. */
const HELD = 50;

/** Addresses of pictures whose bytes were checked, by their hash. @type {Map<string, string>} */
const held = new Map();
/** Pictures that are being fetched, by their hash. @type {Map<string, Promise<string>>} */
const coming = new Map();
/** Hashes of which the server has no such bytes: it is not asked again. @type {Set<string>} */
const refused = new Set();

/** Not the bytes that were signed, or no picture. */
class Withheld extends Error {}

/**
 * The bytes that the hash names. They never change, so a browser that has them does not ask again, nor
 * needs a network.
 * @param {{path: string, sha256: string}} logo
 */
async function fetched({ path, sha256: wanted }) {
  const address = new URL(path, BASE);
  if (!address.href.startsWith(BASE.href)) throw new Withheld('not our server');
  const answer = await fetch(address, { credentials: 'omit', redirect: 'error' });
  if (!answer.ok) throw answer.status === 404 ? new Withheld('there is none') : new Error(`status ${answer.status}`);
  const bytes = new Uint8Array(await answer.arrayBuffer());
  if (base64url(await sha256(bytes)) !== wanted) throw new Withheld('other bytes');
  return new Blob([bytes], { type: answer.headers.get('content-type') ?? '' });
}

/**
 * The name stands beside it, so it says nothing to those who listen.
 * @param {string} address
 */
const image = (address) => h('img', { alt: '', src: address });

/**
 * The address of a picture whose bytes are those that were signed.
 * @param {{path: string, sha256: string}} logo
 */
async function checked(logo) {
  if (refused.has(logo.sha256)) throw new Withheld('as before');
  const address = URL.createObjectURL(await fetched(logo));
  await image(address).decode().catch((error) => { throw new Withheld(String(error)); });
  held.set(logo.sha256, address);
  const [oldest] = held;
  if (held.size > HELD && oldest) {
    held.delete(oldest[0]);
    URL.revokeObjectURL(oldest[1]);
  }
  return address;
}

/**
 * Puts a picture that is not known yet into its place; those who want the same wait for one.
 * @param {HTMLElement} place
 * @param {{path: string, sha256: string}} logo
 */
async function fill(place, logo) {
  const asked = coming.get(logo.sha256) ?? checked(logo).finally(() => coming.delete(logo.sha256));
  coming.set(logo.sha256, asked);
  place.replaceChildren(image(await asked));
}

/** @param {string} hash @param {unknown} error */
function note(hash, error) {
  if (!(error instanceof Withheld)) return;
  if (refused.size >= HELD) refused.clear();
  refused.add(hash);
}

/**
 * The place of the asker's picture; `data-logo` says what became of one that was signed.
 * @param {Content} content
 */
export function logoOf({ client, logo }) {
  const known = logo && held.get(logo.sha256);
  const place = h('span', { class: 'logo', 'aria-hidden': 'true', 'data-logo': known ? 'shown' : undefined },
    known ? image(known) : [...plain(client.name)][0] ?? '?');
  const tell = (/** @type {string} */ became) => place.setAttribute('data-logo', became);
  if (logo && !known) fill(place, logo).then(() => tell('shown'), (error) => { note(logo.sha256, error); tell('withheld'); });
  return place;
}
