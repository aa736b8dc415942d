// What is kept in the browser: accounts with their keys, requests with what became of them, settings.
// Everything else asks here; nothing here asks anybody.
import { STORE } from './place.js';

/**
 * One enrollment: a person, and the key of this device for them.
 * @typedef {object} Account
 * @property {string} device its id, `dev_…`
 * @property {string} user
 * @property {string} issuer whom it answers to: `aud` of its decisions
 * @property {string} server what people call the issuer
 * @property {string} name what people call this device
 * @property {import('./jose.js').Jwk} serverKey pinned: no content under another is shown
 * @property {CryptoKey} privateKey
 * @property {import('./jose.js').Jwk} jwk
 * @property {number} enrolledAt Unix seconds
 * @property {boolean} [isLost] the server does not know the device any more
 * @property {string} [endpoint] the push subscription that the server has
 */

/**
 * What is known of a request.
 * @typedef {'waiting' | 'sending' | 'kept' | 'sent' | 'elsewhere' | 'withdrawn' | 'expired' | 'mismatched' | 'refused'} State
 */

/**
 * A request as this device has it.
 * @typedef {object} Kept
 * @property {string} device
 * @property {string} request
 * @property {State} state
 * @property {string} [content] the JWS as it was received
 * @property {string} [body] the decision, signed, as it is sent
 * @property {'approve' | 'deny'} [answer]
 * @property {string} [reason]
 * @property {string} [receipt] where the receipt is
 * @property {number} seenAt Unix seconds
 * @property {number} [endedAt] Unix seconds
 */

/** So many ended requests are kept. */
const HISTORY = 200;
const VERSION = 1;

/** @type {Promise<IDBDatabase> | undefined} */
let opened;

function open() {
  opened ??= new Promise((resolve, reject) => {
    const asked = indexedDB.open(STORE, VERSION);
    asked.onupgradeneeded = () => {
      asked.result.createObjectStore('accounts', { keyPath: 'device' });
      asked.result.createObjectStore('requests', { keyPath: ['device', 'request'] });
      asked.result.createObjectStore('settings');
    };
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
    asked.onblocked = () => reject(new Error('the storage is held by another window'));
  });
  return opened;
}

/**
 * @template T
 * @param {'accounts' | 'requests' | 'settings'} name
 * @param {IDBTransactionMode} mode
 * @param {(store: IDBObjectStore) => IDBRequest<T>} act
 * @returns {Promise<T>}
 */
async function within(name, mode, act) {
  const transaction = (await open()).transaction(name, mode, { durability: 'strict' });
  return new Promise((resolve, reject) => {
    const asked = act(transaction.objectStore(name));
    transaction.oncomplete = () => resolve(asked.result);
    transaction.onerror = () => reject(transaction.error);
    transaction.onabort = () => reject(transaction.error ?? new Error('the storage is full'));
  });
}

/** @returns {Promise<Account[]>} */
export const accounts = () => within('accounts', 'readonly', (store) => store.getAll());

/** @param {Account} account */
export const keepAccount = (account) => within('accounts', 'readwrite', (store) => store.put(account));

/**
 * Ends an account here: its key and all it has seen.
 * @param {string} device
 */
export async function dropAccount(device) {
  await within('accounts', 'readwrite', (store) => store.delete(device));
  const all = IDBKeyRange.bound([device], [device, []]);
  await within('requests', 'readwrite', (store) => store.delete(all));
}

/** @returns {Promise<Kept[]>} */
export const requests = () => within('requests', 'readonly', (store) => store.getAll());

/** @param {Kept} kept */
export const keepRequest = (kept) => within('requests', 'readwrite', (store) => store.put(kept));

/** Forgets the oldest of what is over. */
export async function trimHistory() {
  const over = (await requests()).filter((one) => one.endedAt !== undefined);
  over.sort((one, other) => (other.endedAt ?? 0) - (one.endedAt ?? 0));
  for (const { device, request } of over.slice(HISTORY)) {
    await within('requests', 'readwrite', (store) => store.delete([device, request]));
  }
}

/**
 * @param {string} name
 * @returns {Promise<any>}
 */
export const setting = (name) => within('settings', 'readonly', (store) => store.get(name));

/**
 * @param {string} name
 * @param {unknown} value
 */
export const keepSetting = (name, value) => within('settings', 'readwrite', (store) => store.put(value, name));
