// The tenant of `aizuchi dev --fapi`: its clients with their keys and certificates.
import { createPrivateKey, webcrypto } from 'node:crypto';
import { readFileSync } from 'node:fs';
import https from 'node:https';

import { card } from './card.mjs';

export const { fapi } = card;
const PS256 = { name: 'RSA-PSS', hash: 'SHA-256' };

/** The client of that method, with its signing key as WebCrypto has it and a fetch that shows its certificate. */
export async function client(method) {
  const found = fapi.clients.find((one) => one.token_endpoint_auth_method === method);
  const [jwk] = found.jwks.keys;
  const pkcs8 = createPrivateKey({ key: jwk, format: 'jwk' }).export({ type: 'pkcs8', format: 'der' });
  const key = await webcrypto.subtle.importKey('pkcs8', pkcs8, PS256, false, ['sign']);
  const certificate = { cert: readFileSync(found.certificate_file), key: readFileSync(found.key_file) };
  return { ...found, key, kid: jwk.kid, fetch: showing(certificate) };
}

/** `fetch` over a connection that shows a certificate; Node's own cannot. */
export function showing(certificate) {
  const agent = new https.Agent({ ...certificate, ca: readFileSync(process.env.NODE_EXTRA_CA_CERTS), keepAlive: false });
  return (url, { method, headers, body, signal }) => new Promise((resolve, reject) => {
    const sent = https.request(url, { method, headers: Object.fromEntries(new Headers(headers)), agent, signal }, (answer) => {
      const parts = [];
      answer.on('data', (part) => parts.push(part)).on('error', reject).on('end', () => {
        const text = [204, 304].includes(answer.statusCode) ? null : Buffer.concat(parts);
        resolve(new Response(text, { status: answer.statusCode, headers: new Headers(Object.entries(answer.headers)) }));
      });
    });
    sent.on('error', reject);
    sent.end(body?.toString());
  });
}

/** The person decides, by the approval hook. */
export async function decides(authReqId, action = 'allow') {
  const url = fapi.decide.replace('{auth_req_id}', authReqId).replace('{action}', action);
  const answer = await fetch(url, { method: 'POST' });
  if (answer.status !== 204) throw new Error(`the hook said ${answer.status} ${await answer.text()}`);
}
