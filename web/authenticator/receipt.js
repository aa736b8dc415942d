// The receipt of a decision (D18, D19): fetched with a proof, and given to the person as a file.
import { send } from './api.js';
import { h } from './dom.js';

/**
 * @param {import('./vault.js').Account} account
 * @param {string} location as the server named it
 */
export async function saveReceipt(account, location) {
  const txn = location.split('/').pop() ?? '';
  const answer = await send(account, 'GET', `receipts/${encodeURIComponent(txn)}`);
  const text = await answer.text();
  const address = URL.createObjectURL(new Blob([text], { type: answer.headers.get('content-type') ?? 'application/jwt' }));
  h('a', { href: address, download: `receipt-${txn}.jwt` }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
