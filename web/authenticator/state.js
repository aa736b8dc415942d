// What the app knows at this moment: accounts and requests, as they are kept, and who wants to hear
// when something of it changes. Screens read here; only `inbox` and `answer` change requests.
import { now } from './clock.js';
import * as vault from './vault.js';

/** @typedef {import('./vault.js').Account} Account */
/** @typedef {import('./vault.js').Kept} Kept */

/** @type {Map<string, Account>} */
export const accounts = new Map();
/** @type {Map<string, Kept>} */
export const requests = new Map();
/** Whether the server answers at present. */
export const network = { isOnline: true, clockOff: 0 };

/** @type {Set<(what: Kept | undefined) => void>} */
const listeners = new Set();

/** @param {(what: Kept | undefined) => void} heard called with the request that changed, or for anything else */
export function onChange(heard) {
  listeners.add(heard);
  return () => { listeners.delete(heard); };
}

/** @param {Kept} [what] */
export function changed(what) {
  for (const heard of listeners) heard(what);
}

/**
 * @param {string} device
 * @param {string} request
 */
export const nameOf = (device, request) => `${device} ${request}`;

/** What is on its way into the storage. @type {Map<string, Kept>} */
const saving = new Map();

/** Everything from the storage. Nobody sees it half: what is known stays until all of it is there. */
export async function load() {
  const storedAccounts = await vault.accounts();
  const stored = await vault.requests();
  accounts.clear();
  requests.clear();
  for (const account of storedAccounts) accounts.set(account.device, account);
  for (const kept of [...stored, ...saving.values()]) requests.set(nameOf(kept.device, kept.request), kept);
}

/**
 * Keeps a request as it is now. What cannot be kept is still known until the app is closed.
 * @param {Kept} kept
 */
export async function keep(kept) {
  const name = nameOf(kept.device, kept.request);
  requests.set(name, kept);
  saving.set(name, kept);
  await vault.keepRequest(kept).catch((error) => console.warn('not kept', error));
  if (saving.get(name) === kept) saving.delete(name);
  changed(kept);
}

/** @param {Account} account */
export async function keepAccount(account) {
  accounts.set(account.device, account);
  await vault.keepAccount(account);
  changed();
}

/**
 * The server does not know this device any more.
 * @param {Account} account
 */
export async function lost(account) {
  if (!account.isLost) await keepAccount({ ...account, isLost: true });
}

/** @param {string} device */
export async function forget(device) {
  await vault.dropAccount(device);
  accounts.delete(device);
  for (const [name, kept] of requests) if (kept.device === device) requests.delete(name);
  changed();
}

/** @param {Kept} kept */
export const isOpen = (kept) => kept.state === 'waiting' || kept.state === 'sending' || kept.state === 'kept';

/** What waits for the person, newest first. */
export const waiting = () => [...requests.values()].filter(isOpen).sort((one, other) => other.seenAt - one.seenAt);

/** What is over, newest first. */
export const history = () => [...requests.values()].filter((kept) => !isOpen(kept) && kept.content)
  .sort((one, other) => (other.endedAt ?? 0) - (one.endedAt ?? 0));

/**
 * A request is over.
 * @param {Kept} kept
 * @param {import('./vault.js').State} state
 */
export async function end(kept, state) {
  await keep({ ...kept, state, body: undefined, endedAt: now() });
  await vault.trimHistory().catch(() => undefined);
}
