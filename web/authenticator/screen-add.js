// Adding this browser as a device: from a link, a code seen by the camera, or a code pasted (D4).
import { configuration, Refusal } from './api.js';
import { enroll, isBareSafari, isForUs, likelyName, ticketIn } from './enroll.js';
import { h, tell } from './dom.js';
import { follow } from './inbox.js';
import { keyCode } from './jose.js';
import { canPasskey, register } from './passkey.js';
import { canScan, scan } from './scan.js';
import { accounts } from './state.js';
import { say } from './words.js';

/** What an enrollment may be refused with. */
const TROUBLE = { not_found: 'add-dead', enrolled: 'add-has-one', disabled: 'add-off', offline: 'trouble-offline', too_many_requests: 'trouble-many' };

/** The person, or their authenticator, made no passkey. */
class NoPasskey extends Error {}

/**
 * @param {string} ticket
 * @param {string} name
 */
const registered = (ticket, name) => register(ticket, name).catch((error) => {
  throw error instanceof Refusal ? error : new NoPasskey();
});

/** @param {unknown} error */
function trouble(error) {
  const code = error instanceof Refusal ? error.code : '';
  if (error instanceof NoPasskey || code === 'passkey_invalid') return say('add-passkey-failed');
  if (error instanceof DOMException) return say('trouble-storage');
  return say(/** @type {Record<string, string>} */ (TROUBLE)[code] ?? 'trouble-other');
}

/**
 * @param {HTMLElement} main
 * @param {string} [ticket] from a link
 * @returns {() => void}
 */
export function addScreen(main, ticket) {
  const stop = new AbortController();
  const code = h('input', { id: 'code', autocomplete: 'off', autocapitalize: 'off', spellcheck: 'false', 'aria-describedby': 'code-help problem', value: ticket ?? '' });
  const name = h('input', { id: 'device-name', autocomplete: 'off', maxlength: 60, value: likelyName() });
  const problem = h('p', { class: 'problem', id: 'problem', role: 'alert' });
  const add = h('button', { type: 'submit', class: 'primary', id: 'add' }, say('add-do'));
  const viewer = h('div', { class: 'viewer' });
  const withPasskey = h('input', { type: 'checkbox', id: 'with-passkey' });
  const offered = h('label', { class: 'choice', for: 'with-passkey', hidden: true }, withPasskey, say('add-passkey'));
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    problem.textContent = '';
    const isOurs = await isForUs(code.value);
    const wanted = isOurs ? ticketIn(code.value) : undefined;
    if (!wanted) {
      problem.textContent = say(isOurs ? 'add-no-code' : 'add-elsewhere');
      code.focus();
      return;
    }
    add.disabled = true;
    tell(say('add-working'));
    const called = name.value.trim() || likelyName() || 'Browser';
    try {
      const passkey = withPasskey.checked ? await registered(wanted, called) : undefined;
      done(main, await enroll(wanted, called, passkey));
    } catch (error) {
      add.disabled = false;
      problem.textContent = trouble(error);
    }
  };
  const fields = ticket
    ? h('details', {}, h('summary', {}, say('add-other-code')), h('label', { for: 'code' }, say('add-code')), h('p', { id: 'code-help', class: 'fine' }, say('add-code-help')), code)
    : h('div', {}, h('label', { for: 'code' }, say('add-code')), h('p', { id: 'code-help', class: 'fine' }, say('add-code-help')), code);
  main.replaceChildren(
    h('h1', { tabindex: -1 }, say(accounts.size === 0 ? 'welcome-title' : 'add-title')),
    h('p', {}, say(ticket ? 'add-from-link' : 'welcome-text')),
    isBareSafari() ? h('p', { class: 'note' }, say('add-install-first')) : '',
    h('form', { onsubmit: submit, novalidate: true }, viewer, fields,
      h('label', { for: 'device-name' }, say('add-name')), name, offered, problem, h('p', {}, add)),
    accounts.size === 0 ? h('p', { class: 'fine' }, say('welcome-again')) : '');
  configuration().then(({ passkeys }) => { offered.hidden = !passkeys || !canPasskey(); }, () => undefined);
  canScan().then((can) => { if (can && !ticket) viewer.replaceChildren(camera(viewer, code, problem, stop.signal)); });
  return () => stop.abort();
}

/**
 * @param {HTMLElement} viewer
 * @param {HTMLInputElement} code
 * @param {HTMLElement} problem
 * @param {AbortSignal} stop
 */
const camera = (viewer, code, problem, stop) => h('button', {
  type: 'button', class: 'plain', id: 'scan',
  onclick: async () => {
    const video = h('video', { playsinline: true, 'aria-label': say('scan-view') });
    viewer.replaceChildren(video);
    try {
      const text = await scan(video, stop, (seen) => ticketIn(seen) !== undefined);
      if (text) code.value = text;
      tell(say('scan-found'));
    } catch {
      problem.textContent = say('scan-failed');
    }
    viewer.replaceChildren(camera(viewer, code, problem, stop));
    code.focus();
  },
}, say('scan'));

/**
 * The code that the person compares with what the page shows.
 * @param {HTMLElement} main
 * @param {import('./vault.js').Account} account
 */
async function done(main, account) {
  const code = await keyCode(account.jwk);
  const heading = h('h1', { tabindex: -1 }, h('span', { class: 'mark', 'aria-hidden': 'true' }), say('added-title'));
  main.replaceChildren(h('section', { class: 'outcome approve' }, heading,
    h('p', {}, say('added-text', { server: account.server })),
    h('p', { class: 'code', id: 'key-code' }, code), h('p', { class: 'fine' }, say('added-compare')),
    h('p', {}, h('a', { href: '#/', class: 'button', id: 'to-inbox' }, say('added-go')))));
  heading.focus();
  follow(account.device);
}
