// Accounts of this browser, its name, language and notifications; and how to forget it.
import { call, configuration, passes, Refusal } from './api.js';
import { foreign, h, tell } from './dom.js';
import { keyCode } from './jose.js';
import { ticketIn } from './enroll.js';
import { addAnother, canPasskey, list } from './passkey.js';
import * as push from './push.js';
import { accounts, forget, keepAccount, lost } from './state.js';
import { trouble } from './screen-request.js';
import { LANGUAGES, language, moment, say } from './words.js';

/** @typedef {import('./vault.js').Account} Account */

/**
 * @param {HTMLElement} main
 * @param {(language: string) => Promise<void>} speakAnother
 * @returns {() => void}
 */
export function settingsScreen(main, speakAnother) {
  const problem = h('p', { class: 'problem', role: 'alert' });
  let turn = 0;
  const draw = async () => {
    turn += 1;
    const ours = turn;
    const own = await Promise.all([...accounts.values()].map((account) => accountPart(account, problem, draw)));
    const notifications = await notificationPart(problem, draw);
    if (ours !== turn) return;
    main.replaceChildren(h('h1', { tabindex: -1 }, say('settings-title')), problem, ...own,
      h('p', {}, h('a', { href: '#/add', class: 'button plain', id: 'another' }, say('add-another'))),
      languagePart(speakAnother), notifications);
    if (document.activeElement === document.body) main.querySelector('h1')?.focus();
  };
  draw();
  // Another screen is shown: what was still looked up is not drawn over it.
  return () => { turn += 1; };
}

/**
 * @param {Account} account
 * @param {HTMLElement} problem
 * @param {() => Promise<void>} draw
 */
async function accountPart(account, problem, draw) {
  const field = `name-${account.device}`;
  const name = h('input', { id: field, value: account.name, maxlength: 60, autocomplete: 'off' });
  const rename = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (!name.value.trim()) return;
    await attempt(problem, async () => {
      await call(account, 'PATCH', 'device/v1/device', { name: name.value.trim() });
      await keepAccount({ ...account, name: name.value.trim() });
      tell(say('saved'));
    }, account);
  };
  const leave = () => attempt(problem, async () => {
    // A device that is gone already is what was wanted; without a network, only this side forgets.
    await call(account, 'DELETE', 'device/v1/device').catch((error) => {
      if (!(error instanceof Refusal) || passes(error)) throw error;
    });
    await forget(account.device);
    tell(say('forgotten'));
    await draw();
  });
  return h('section', { class: 'part account' }, h('h2', {}, foreign(account.server)),
    account.isLost ? h('p', { class: 'problem' }, say('lost-title')) : '',
    h('dl', {}, h('div', {}, h('dt', {}, say('account-user')), h('dd', {}, foreign(account.user))),
      h('div', {}, h('dt', {}, say('account-code')), h('dd', { class: 'key' }, await keyCode(account.jwk))),
      h('div', {}, h('dt', {}, say('account-since')), h('dd', {}, moment(account.enrolledAt)))),
    h('form', { onsubmit: rename }, h('label', { for: field }, say('account-name')),
      h('div', { class: 'row' }, name, h('button', { type: 'submit', class: 'plain' }, say('save')))),
    await passkeyPart(account, problem, draw),
    h('details', { class: 'report' }, h('summary', {}, say('forget')), h('p', {}, say('forget-text')),
      h('button', { type: 'button', class: 'deny', onclick: leave }, say('forget-yes')),
      h('p', {}, h('button', { type: 'button', class: 'plain', onclick: async () => { await forget(account.device); await draw(); } }, say('forget-here')))));
}

/**
 * The person's passkeys; another is added with one of them, the first with a code of the enrollment page.
 * @param {Account} account
 * @param {HTMLElement} problem
 * @param {() => Promise<void>} draw
 */
async function passkeyPart(account, problem, draw) {
  const known = account.isLost || !canPasskey() ? undefined : await list(account);
  if (!known) return '';
  const field = `passkey-code-${account.device}`;
  const code = h('input', { id: field, autocomplete: 'off', autocapitalize: 'off', spellcheck: 'false' });
  const isFirst = known.length === 0;
  const add = (/** @type {Event} */ event) => {
    event.preventDefault();
    const ticket = isFirst ? ticketIn(code.value) : undefined;
    if (isFirst && !ticket) {
      problem.textContent = say('add-no-code');
      code.focus();
      return;
    }
    attempt(problem, async () => {
      await addAnother(account, account.name, ticket);
      tell(say('passkey-added'));
      await draw();
    }, account);
  };
  return h('details', { class: 'passkeys' }, h('summary', {}, say('passkeys', { count: known.length })),
    h('ul', {}, ...known.map(({ name }) => h('li', {}, foreign(name)))),
    h('form', { onsubmit: add }, isFirst ? h('label', { for: field }, say('add-code')) : '', isFirst ? code : '',
      h('p', {}, h('button', { type: 'submit', class: 'plain' }, say('passkey-add')))));
}

/**
 * @param {HTMLElement} problem
 * @param {() => Promise<void>} act
 * @param {Account} [account]
 */
async function attempt(problem, act, account) {
  problem.textContent = '';
  try {
    await act();
  } catch (error) {
    const isUnknown = error instanceof Refusal && error.code === 'unknown_device';
    if (account && isUnknown) await lost(account);
    problem.textContent = trouble(error);
  }
}

/** @param {(language: string) => Promise<void>} speakAnother */
function languagePart(speakAnother) {
  const choices = LANGUAGES.map(([code = '', name = '']) => h('label', { class: 'choice', for: `language-${code}`, lang: code },
    h('input', { type: 'radio', name: 'language', id: `language-${code}`, checked: code === language, onchange: () => speakAnother(code) }), name));
  return h('fieldset', { class: 'part' }, h('legend', {}, say('language-title')), h('div', { class: 'choices' }, ...choices));
}

/**
 * @param {HTMLElement} problem
 * @param {() => Promise<void>} draw
 */
async function notificationPart(problem, draw) {
  const offer = await configuration().catch(() => undefined);
  const key = offer?.web_push?.public_key;
  const isOn = [...accounts.values()].some((account) => account.endpoint);
  const turn = (/** @type {() => Promise<unknown>} */ act) => () => attempt(problem, async () => { await act(); await draw(); });
  const button = isOn
    ? h('button', { type: 'button', class: 'plain', id: 'push-off', onclick: turn(push.turnOff) }, say('push-off'))
    : h('button', { type: 'button', class: 'plain', id: 'push-on', onclick: turn(() => push.turnOn(key ?? '')) }, say('push-on'));
  const isRefused = push.permission() === 'denied';
  let text = say(isOn ? 'push-is-on' : 'push-is-off');
  if (!push.canPush() || !key) text = say(offer ? 'push-none' : 'trouble-offline');
  else if (isRefused) text = say('push-refused');
  const may = push.canPush() && key && !isRefused && accounts.size > 0;
  return h('section', { class: 'part', id: 'push' }, h('h2', {}, say('push-title')), h('p', {}, text), may ? button : '');
}
