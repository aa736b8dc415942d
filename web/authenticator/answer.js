// The person's yes or no: signed over the words that were shown (D13), kept before it is sent, and
// sent until the server has it or says that it is too late.
import { call, passes, Refusal, send } from './api.js';
import { now } from './clock.js';
import { ENDS } from './inbox.js';
import { challengeOf, hash, signed, signingInput } from './jose.js';
import { accounts, end, isOpen, keep, lost, nameOf, network, requests } from './state.js';

/** @typedef {import('./vault.js').Account} Account */
/** @typedef {import('./vault.js').Kept} Kept */

/**
 * What the person said.
 * @typedef {object} Said
 * @property {'approve' | 'deny'} decision
 * @property {'mistake' | 'suspicious' | 'other'} [reason]
 * @property {string} [match] the two digits
 */

/** How long signing took at last, in milliseconds; measured by the tests. */
export const took = { signing: 0 };

/**
 * What is signed of a decision, without the signature: a passkey confirms exactly this (D14).
 * @param {Account} account
 * @param {Kept} kept
 * @param {Said} said
 */
export async function prepared(account, kept, said) {
  const claims = {
    iss: account.device, sub: account.user, aud: account.issuer, iat: now(), jti: crypto.randomUUID(),
    request: kept.request, content_hash: await hash(kept.content ?? ''), ...said,
  };
  return signingInput({ typ: 'aizuchi-decision+jwt', kid: account.device }, claims);
}

/**
 * Signs an answer, keeps it, and sends it.
 * @param {Account} account
 * @param {Kept} kept
 * @param {Said} said
 * @param {(challenge: Uint8Array<ArrayBuffer>) => Promise<object>} [confirm] asks for the passkey where one is demanded
 */
export async function answer(account, kept, said, confirm) {
  const begun = performance.now();
  const input = await prepared(account, kept, said);
  const decision = await signed(account.privateKey, input);
  took.signing = performance.now() - begun;
  performance.measure('signing', { start: begun, end: begun + took.signing });
  const passkey = confirm ? { passkey: await confirm(await challengeOf('aizuchi-decision', input)) } : {};
  const body = JSON.stringify({ decision, ...passkey });
  /** @type {Kept} */
  const signedOne = { ...kept, state: 'sending', body, answer: said.decision, reason: said.reason };
  await keep(signedOne);
  return deliver(account, signedOne);
}

/** Requests whose answer is on its way at this moment. */
const underWay = new Set();

/**
 * @param {Account} account
 * @param {Kept} kept
 * @returns {Promise<Refusal | undefined>} a refusal after which the person can try again
 */
async function deliver(account, kept) {
  const name = nameOf(kept.device, kept.request);
  if (underWay.has(name)) return undefined;
  underWay.add(name);
  try {
    const path = `device/v1/requests/${encodeURIComponent(kept.request)}/decision`;
    const reply = await send(account, 'POST', path, { body: kept.body });
    await end({ ...kept, receipt: reply.headers.get('location') ?? undefined }, 'sent');
    return undefined;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return await refused(account, kept, error);
  } finally {
    underWay.delete(name);
  }
}

/**
 * @param {Account} account
 * @param {Kept} kept
 * @param {Refusal} refusal
 */
async function refused(account, kept, refusal) {
  const ended = ENDS[refusal.code];
  if (passes(refusal)) {
    network.isOnline = refusal.code !== 'offline';
    await keep({ ...kept, state: 'kept' });
    return undefined;
  }
  if (ended) {
    // Somebody else's answer stands, not ours.
    await end({ ...kept, answer: undefined, reason: undefined }, ended);
    return undefined;
  }
  if (refusal.code === 'wrong_match' && await isOver(account, kept)) {
    await end({ ...kept, answer: undefined, reason: undefined }, 'mismatched');
    return undefined;
  }
  if (refusal.code === 'unknown_device' || refusal.code === 'wrong_key') await lost(account);
  await keep({ ...kept, state: 'waiting', body: undefined, answer: undefined, reason: undefined });
  return refusal;
}

/**
 * Whether a wrong number has denied the request: a server counts them (D17).
 * @param {Account} account
 * @param {Kept} kept
 */
const isOver = (account, kept) => call(account, 'GET', `device/v1/requests/${encodeURIComponent(kept.request)}`)
  .then(() => false, (error) => error instanceof Refusal && error.code in ENDS);

/** Sends what could not be sent before. */
export async function sendKept() {
  for (const kept of [...requests.values()]) {
    const account = accounts.get(kept.device);
    if (isOpen(kept) && kept.body && account && !account.isLost) await deliver(account, kept).catch(console.warn);
  }
}
