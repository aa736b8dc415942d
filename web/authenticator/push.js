// Being woken (D9): the browser's push subscription, told to the server for each account. Without one
// the inbox works all the same.
import { call } from './api.js';
import { base64url, bytesOf } from './jose.js';
import { accounts, keepAccount } from './state.js';

export const canPush = () => 'serviceWorker' in navigator && 'PushManager' in globalThis && 'Notification' in globalThis;

/** What the person said to notifications: `default` if nothing yet. */
export const permission = () => (canPush() ? Notification.permission : 'denied');

/** @param {PushSubscription} subscription */
function channelOf(subscription) {
  const key = (/** @type {PushEncryptionKeyName} */ name) => base64url(new Uint8Array(subscription.getKey(name) ?? new ArrayBuffer(0)));
  return { kind: 'web_push', endpoint: subscription.endpoint, p256dh: key('p256dh'), auth: key('auth') };
}

/** @param {string} publicKey base64url, an uncompressed point */
async function subscribed(publicKey) {
  const { pushManager } = await navigator.serviceWorker.ready;
  const options = { userVisibleOnly: true, applicationServerKey: bytesOf(publicKey) };
  const had = await pushManager.getSubscription();
  const key = had?.options.applicationServerKey;
  if (had && key && base64url(new Uint8Array(key)) === publicKey) return had;
  await had?.unsubscribe();
  return pushManager.subscribe(options);
}

/**
 * Asks for permission, and has every account woken here.
 * @param {string} publicKey
 * @returns {Promise<'granted' | 'denied' | 'default'>}
 */
export async function turnOn(publicKey) {
  const said = await Notification.requestPermission();
  if (said === 'granted') await renew(publicKey);
  return said;
}

/**
 * Tells the server of a subscription that it does not have; browsers change them at will.
 * @param {string} publicKey
 */
export async function renew(publicKey) {
  const channel = channelOf(await subscribed(publicKey));
  for (const account of accounts.values()) {
    if (account.isLost || account.endpoint === channel.endpoint) continue;
    await call(account, 'PATCH', 'device/v1/device', { channel });
    await keepAccount({ ...account, endpoint: channel.endpoint });
  }
}

/** No more wake-ups. */
export async function turnOff() {
  for (const account of accounts.values()) {
    if (!account.endpoint || account.isLost) continue;
    await call(account, 'PATCH', 'device/v1/device', { channel: { kind: 'none' } });
    await keepAccount({ ...account, endpoint: undefined });
  }
  const { pushManager } = await navigator.serviceWorker.ready;
  await (await pushManager.getSubscription())?.unsubscribe();
}
