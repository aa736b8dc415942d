// What comes in: by the stream of events, by asking where there is none, and after a push. A request
// is known by its name alone until its words are read and hold.
import { call, passes, Refusal, send } from './api.js';
import { now } from './clock.js';
import { read } from './content.js';
import { STORE } from './place.js';
import { accounts, changed, end, isOpen, keep, lost, nameOf, network, requests } from './state.js';
import { events } from './stream.js';
import { language } from './words.js';

/** @typedef {import('./vault.js').Account} Account */
/** @typedef {import('./vault.js').Kept} Kept */

/** How many requests of an account are read ahead; the others wait until these are answered. */
const READ_AHEAD = 20;
/** Asking again where no stream is to be had. */
const POLL_MS = 5_000;
/** The longest pause between two tries to reach the server. */
const LONGEST_PAUSE_MS = 30_000;

/** How many more requests an account has than are read. */
export const more = new Map();
/** Names of requests that are being read. */
const reading = new Set();

/**
 * Reads the words of a request, unless that was done.
 * @param {Account} account
 * @param {string} request
 */
export async function learn(account, request) {
  const name = nameOf(account.device, request);
  const known = requests.get(name);
  if (known?.content || (known && !isOpen(known)) || reading.has(name)) return;
  reading.add(name);
  try {
    const path = `device/v1/requests/${encodeURIComponent(request)}?locale=${language}`;
    const { content } = await call(account, 'GET', path);
    await take(account, request, String(content));
  } catch (error) {
    if (error instanceof Refusal) await refused(account, known, error);
    else throw error;
  } finally {
    reading.delete(name);
  }
}

/**
 * Words that came: kept if they hold, otherwise only that there were some.
 * @param {Account} account
 * @param {string} request
 * @param {string} content
 */
async function take(account, request, content) {
  const seenAt = requests.get(nameOf(account.device, request))?.seenAt ?? now();
  const kept = { device: account.device, request, seenAt };
  const holds = await read(account, request, content).then(() => true, () => false);
  await keep(holds ? { ...kept, state: 'waiting', content } : { ...kept, state: 'refused' });
}

/** Reads what waits once more, in another language. */
export async function relearn() {
  for (const kept of [...requests.values()]) {
    const account = accounts.get(kept.device);
    if (!account || account.isLost || kept.state !== 'waiting') continue;
    const { content } = await call(account, 'GET', `device/v1/requests/${encodeURIComponent(kept.request)}?locale=${language}`);
    if (requests.get(nameOf(kept.device, kept.request))?.state === 'waiting') await take(account, kept.request, String(content));
  }
}

/** @type {Record<string, import('./vault.js').State>} */
export const ENDS = { decided: 'elsewhere', withdrawn: 'withdrawn', expired: 'expired', not_found: 'withdrawn' };

/**
 * @param {Account} account
 * @param {Kept | undefined} kept
 * @param {Refusal} refusal
 */
async function refused(account, kept, refusal) {
  const ended = ENDS[refusal.code];
  if (refusal.code === 'unknown_device' || refusal.code === 'wrong_key') await lost(account);
  else if (ended && kept) await end(kept, ended);
  else if (!ended) throw refusal;
}

/**
 * What waits, from the list; what is kept as waiting and not in it is over.
 * @param {Account} account
 */
export async function refresh(account) {
  const { requests: listed, next } = await call(account, 'GET', `device/v1/requests?take=${READ_AHEAD}`);
  reached();
  more.set(account.device, Boolean(next));
  const names = new Set(listed.map((/** @type {{request: string}} */ one) => one.request));
  for (const kept of [...requests.values()]) {
    const isOurs = kept.device === account.device && kept.state === 'waiting' && !names.has(kept.request);
    if (isOurs && !next) await recheck(account, kept);
  }
  await Promise.all([...names].map((request) => learn(account, String(request))));
  changed();
}

/**
 * What became of a request that waits no more.
 * @param {Account} account
 * @param {Kept} kept
 */
async function recheck(account, kept) {
  const path = `device/v1/requests/${encodeURIComponent(kept.request)}?locale=${language}`;
  await call(account, 'GET', path).catch((error) => {
    if (error instanceof Refusal) return refused(account, kept, error);
    throw error;
  });
}

function reached() {
  if (network.isOnline) return;
  network.isOnline = true;
  changed();
}

/** @param {unknown} error */
function failed(error) {
  if (!passes(error) || !network.isOnline) return;
  network.isOnline = false;
  changed();
}

/**
 * @param {Account} account
 * @param {string} name
 * @param {string} data
 */
async function heard(account, name, data) {
  const { request } = JSON.parse(data);
  if (typeof request !== 'string') return;
  const kept = requests.get(nameOf(account.device, request));
  if (name === 'request') {
    if (kept || more.get(account.device)) return;
    const open = [...requests.values()].filter((one) => one.device === account.device && isOpen(one));
    if (open.length + reading.size < READ_AHEAD) {
      await learn(account, request);
    } else {
      more.set(account.device, true);
      changed();
    }
    return;
  }
  const ended = ENDS[name];
  // What we are sending ourselves is told by its own answer.
  if (ended && kept?.state === 'waiting') await end(kept, ended);
  const open = [...requests.values()].filter((one) => one.device === account.device && isOpen(one));
  if (ended && more.get(account.device) && open.length < READ_AHEAD / 2) await refresh(account);
}

/**
 * Listens until the stream ends. A second window of the same browser asks instead: a device has one stream.
 * @param {Account} account
 */
async function listen(account) {
  const ends = new AbortController();
  const answer = await send(account, 'GET', 'device/v1/events', { signal: ends.signal });
  reached();
  await events(answer, ends, (name, data) => { heard(account, name, data).catch(failed); });
}

/** @type {Set<() => void>} */
const sleepers = new Set();

/** Nobody waits any longer for the next try. */
export function wake() {
  for (const sleeper of [...sleepers]) sleeper();
}

/** @param {number} ms */
const pause = (ms) => new Promise((resolve) => {
  const done = () => { clearTimeout(timer); sleepers.delete(done); resolve(undefined); };
  const timer = setTimeout(done, ms);
  sleepers.add(done);
});

/**
 * Whether this window may listen for the device; the lock is free again when the window closes.
 * @param {Account} account
 * @param {(isOurs: boolean) => Promise<void>} act
 */
async function alone(account, act) {
  if (!navigator.locks) return act(true);
  return navigator.locks.request(`${STORE} ${account.device}`, { ifAvailable: true }, (lock) => act(lock !== null));
}

/** Devices that are followed already. */
const followed = new Set();
/** So many streams at once: browsers open few connections to one server, and calls need some. */
const STREAMS = 3;
let streams = 0;

/**
 * Whether there was a stream; a server that has too many of them still answers questions.
 * @param {Account} account
 */
async function listening(account) {
  streams += 1;
  try {
    await listen(account);
    return true;
  } catch (error) {
    if (error instanceof Refusal && (error.status === 503 || error.status === 429)) return false;
    throw error;
  } finally {
    streams -= 1;
  }
}

/**
 * Follows an account as long as it is one.
 * @param {string} device
 */
export async function follow(device) {
  if (followed.has(device)) return;
  followed.add(device);
  for (let failures = 0; ;) {
    const account = accounts.get(device);
    if (!account || account.isLost) break;
    try {
      await refresh(account);
      let isOurs = false;
      await alone(account, async (isFree) => {
        isOurs = isFree && streams < STREAMS;
        if (isOurs) isOurs = await listening(account);
      });
      failures = 0;
      if (!isOurs) await pause(POLL_MS);
    } catch (error) {
      failures += 1;
      if (error instanceof Refusal) await refused(account, undefined, error).catch(failed);
      else if (!(error instanceof TypeError) && !(error instanceof DOMException)) console.warn(error);
    }
    const most = Math.min(LONGEST_PAUSE_MS, POLL_MS * 2 ** Math.max(0, failures - 1));
    await pause(failures === 0 ? POLL_MS / 5 : most);
  }
  followed.delete(device);
}

/** Looks at once, for every account: the network is back, a push came, the window is seen again. */
export function lookAgain() {
  wake();
  for (const account of accounts.values()) {
    if (!account.isLost) refresh(account).catch((error) => (error instanceof Refusal ? refused(account, undefined, error) : Promise.resolve()).catch(failed));
  }
}

/** Ends here what has no time left, though nobody has told us. */
export async function expire() {
  for (const kept of [...requests.values()]) {
    const account = accounts.get(kept.device);
    if (kept.state !== 'waiting' || !kept.content || !account) continue;
    const content = await read(account, kept.request, kept.content).catch(() => undefined);
    if (!content) await end({ ...kept, content: undefined }, 'refused');
    else if (content.expires_at <= now()) await end(kept, 'expired');
  }
}
