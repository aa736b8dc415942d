// Passkeys (D14): the browser's own dialogues, and JSON for what goes in and out of them.
import { call } from './api.js';
import { base64url, bytesOf, challengeOf } from './jose.js';

/** @typedef {import('./vault.js').Account} Account */

export const canPasskey = () => Boolean(globalThis.PublicKeyCredential && navigator.credentials);

/** @param {ArrayBuffer | null | undefined} buffer */
const text = (buffer) => (buffer ? base64url(new Uint8Array(buffer)) : undefined);

/**
 * What an authenticator answered, as JSON has it.
 * @param {any} credential
 */
function json(credential) {
  if (typeof credential.toJSON === 'function') return credential.toJSON();
  const { response: said } = credential;
  return {
    id: credential.id, rawId: text(credential.rawId), type: credential.type, clientExtensionResults: {},
    response: {
      clientDataJSON: text(said.clientDataJSON), attestationObject: text(said.attestationObject),
      authenticatorData: text(said.authenticatorData), signature: text(said.signature), userHandle: text(said.userHandle),
    },
  };
}

/**
 * An assertion over a challenge that both sides compute.
 * @param {Account} account
 * @param {Uint8Array<ArrayBuffer>} challenge
 */
export async function confirm(account, challenge) {
  const { rp_id: rpId, passkeys } = await call(account, 'GET', 'device/v1/passkeys');
  const allowCredentials = passkeys.map((/** @type {{id: string}} */ { id }) => ({ type: /** @type {const} */ ('public-key'), id: bytesOf(id) }));
  const publicKey = { challenge, rpId, allowCredentials, userVerification: /** @type {const} */ ('required') };
  return json(await navigator.credentials.get({ publicKey }));
}

/** @param {any} options as the server names them */
async function created(options) {
  const named = (/** @type {any} */ one) => ({ ...one, id: bytesOf(one.id) });
  const publicKey = {
    ...options, challenge: bytesOf(options.challenge), user: { ...options.user, id: bytesOf(options.user.id) },
    excludeCredentials: (options.excludeCredentials ?? []).map(named),
  };
  return json(await navigator.credentials.create({ publicKey }));
}

/**
 * A new passkey for the person of an enrollment ticket.
 * @param {string} ticket
 * @param {string} name
 */
export async function register(ticket, name) {
  const { challenge, options } = await call(undefined, 'POST', 'device/v1/passkeys/options', { ticket });
  return { challenge, credential: await created(options), name };
}

/**
 * A further passkey, confirmed by one that is there already or by a fresh ticket.
 * @param {Account} account
 * @param {string} name
 * @param {string | undefined} ticket
 */
export async function addAnother(account, name, ticket) {
  const { challenge, options } = await call(account, 'POST', 'device/v1/passkeys/options', ticket === undefined ? {} : { ticket });
  const credential = await created(options);
  const leave = ticket === undefined
    ? { passkey: await confirm(account, await challengeOf('aizuchi-passkey', challenge)) } : { ticket };
  await call(account, 'POST', 'device/v1/passkeys', { challenge, credential, name, ...leave });
}

/**
 * The person's passkeys; none where the server takes none.
 * @param {Account} account
 * @returns {Promise<{id: string, name: string, created_at: number | string}[] | undefined>}
 */
export const list = (account) => call(account, 'GET', 'device/v1/passkeys')
  .then((/** @type {any} */ told) => told.passkeys, () => undefined);
