// One request: who asks, what, the details, where and when it began, how long it waits, the number to
// match, and the answer. In this order, also for those who listen.
import { answer } from './answer.js';
import { Refusal } from './api.js';
import { now } from './clock.js';
import { audiences, grants, headline, origin, plain, read, rows } from './content.js';
import { foreign, h, tell } from './dom.js';
import { expire, learn } from './inbox.js';
import { logoOf } from './logo.js';
import { confirm } from './passkey.js';
import { saveReceipt } from './receipt.js';
import { accounts, nameOf, onChange, requests } from './state.js';
import { left, moment, say } from './words.js';

/** @typedef {import('./content.js').Content} Content */
/** @typedef {import('./vault.js').Kept} Kept */
/** @typedef {import('./vault.js').Account} Account */

/** What went wrong with an answer that can be given again. @type {Map<string, string>} */
const troubles = new Map();

/** Seconds left at which those who listen are told. */
const TOLD_AT = [60, 30, 10];

/** What became of a request, in one word and in a sentence. */
const OUTCOMES = {
  waiting: ['outcome-waiting', 'outcome-waiting-text'],
  sending: ['outcome-sending', 'outcome-sending-text'],
  kept: ['outcome-kept', 'outcome-kept-text'],
  approve: ['outcome-approved', 'outcome-approved-text'],
  deny: ['outcome-denied', 'outcome-denied-text'],
  suspicious: ['outcome-reported', 'outcome-reported-text'],
  elsewhere: ['outcome-elsewhere', 'outcome-elsewhere-text'],
  withdrawn: ['outcome-withdrawn', 'outcome-withdrawn-text'],
  expired: ['outcome-expired', 'outcome-expired-text'],
  mismatched: ['outcome-mismatched', 'outcome-mismatched-text'],
  refused: ['outcome-refused', 'outcome-refused-text'],
};

/** @param {Kept} kept @returns {keyof typeof OUTCOMES} */
function outcomeOf(kept) {
  if (kept.state !== 'sent') return kept.state;
  return kept.reason === 'suspicious' ? 'suspicious' : kept.answer ?? 'deny';
}

/** @param {Kept} kept */
export const outcome = (kept) => say(OUTCOMES[outcomeOf(kept)][0] ?? '');

/** What is said of a refusal after which the person may try again. */
const TROUBLE = {
  wrong_match: 'trouble-match', passkey_required: 'trouble-passkey', passkey_invalid: 'trouble-passkey',
  wrong_hash: 'trouble-words', unknown_device: 'lost-title', wrong_key: 'lost-title',
};

/** @param {unknown} error */
export function trouble(error) {
  const code = error instanceof Refusal ? error.code : '';
  const key = /** @type {Record<string, string>} */ (TROUBLE)[code];
  if (key) return say(key);
  if (error instanceof DOMException) return say('trouble-passkey');
  return code === 'offline' ? say('trouble-offline') : say('trouble-other');
}

/**
 * Draws a request and keeps it true while it is looked at.
 * @param {HTMLElement} main
 * @param {string} request
 * @param {string} [device] any that has it, if it is not said
 * @returns {() => void} ends it
 */
export function requestScreen(main, request, device) {
  const find = () => (device ? requests.get(nameOf(device, request)) : [...requests.values()].find((kept) => kept.request === request));
  let shown = '';
  /** @type {() => void} */
  let stop = () => undefined;
  const draw = async () => {
    const kept = find();
    const account = kept && accounts.get(kept.device);
    const state = kept ? `${kept.state} ${kept.content ? 1 : 0}` : 'unknown';
    if (state === shown) return;
    shown = state;
    stop();
    const content = account && kept.content ? await read(account, request, kept.content).catch(() => undefined) : undefined;
    if (shown !== state) return;
    if (!kept || !account) main.replaceChildren(...nothing());
    else if (kept.state === 'waiting' && content) stop = ask(main, account, kept, content, () => drawing);
    else over(main, account, kept, content);
  };
  /** @type {Promise<unknown>} */
  let drawing = draw();
  const unheard = onChange(() => { drawing = Promise.all([drawing, draw()]); });
  // A notification names a request that may not be known yet, nor be among the newest.
  const asked = [...accounts.values()].filter((account) => !account.isLost && (device === undefined || account.device === device));
  if (!find()) for (const account of asked) learn(account, request).catch(() => undefined);
  // Another screen is shown: what was still looked up is not drawn over it.
  return () => { shown = 'left'; unheard(); stop(); };
}

const nothing = () => [
  h('h1', { tabindex: -1 }, say('request-unknown')), h('p', {}, say('request-unknown-text')),
  h('p', {}, h('a', { href: '#/', class: 'button plain' }, say('back')))];

/**
 * @param {Content} content
 * @param {'h1' | 'h2'} heading
 */
function asker(content, heading) {
  const { client } = content;
  const name = plain(client.name);
  const domain = client.domain
    ? h('p', { class: 'domain' }, h('span', { 'aria-hidden': 'true' }, '✓ '), say('domain-verified', { domain: plain(client.domain) }))
    : h('p', { class: 'domain none' }, say('domain-none'));
  return h('div', { class: 'asker' },
    logoOf(content),
    h('div', {}, h(heading, { tabindex: -1, class: 'asks' }, say('request-title', { name })), domain));
}

/**
 * @param {string} title
 * @param {...import('./dom.js').Child} children
 */
const part = (title, ...children) => h('section', { class: 'part' }, h('h2', {}, title), ...children);

/** @param {import('./content.js').Row[]} list */
const table = (list) => h('dl', {}, ...list.map(({ label, text, level }) => h('div', { class: `level${level}` },
  h('dt', {}, foreign(label)), h('dd', {}, foreign(text)))));

/** @param {string[]} texts */
const bullets = (texts) => h('ul', {}, ...texts.map((text) => h('li', {}, foreign(text))));

/**
 * Everything that was signed, down to when it began.
 * @param {Content} content
 * @param {Account} account
 * @param {'h1' | 'h2'} heading
 * @returns {Exclude<import('./dom.js').Child, false>[]}
 */
function words(content, account, heading) {
  const title = headline(content);
  const lines = content.display.lines.map(plain).filter((line, at) => at > 0 || line !== title);
  const details = rows(content.authorization_details ?? []).filter(({ label, text }) => label || text);
  const given = grants(content);
  const to = audiences(content);
  const from = origin(content);
  const parts = [
    asker(content, heading),
    h('p', { class: 'what' }, foreign(title)),
    lines.length > 0 && part(say('part-details'), bullets(lines)),
    details.length > 0 && (content.display.lines.length > 0
      ? h('details', { class: 'part' }, h('summary', {}, say('part-as-sent')), table(details))
      : part(say('part-details'), table(details))),
    given.length > 0 && part(say('part-grants'), bullets(given)),
    to.length > 0 && part(say('part-audiences'), bullets(to)),
    from.length > 0 && part(say('part-origin', { name: plain(content.client.name) }), table(from)),
    h('p', { class: 'began' }, say('began', { time: moment(content.created_at) }),
      accounts.size > 1 && h('span', {}, ' ', say('for-account', { server: account.server, user: account.user }))),
  ];
  return parts.filter((one) => one !== false);
}

/**
 * A request that waits.
 * @param {HTMLElement} main
 * @param {Account} account
 * @param {Kept} kept
 * @param {Content} content
 * @param {() => Promise<unknown>} drawn ends when the screen is as the last change wants it
 */
function ask(main, account, kept, content, drawn) {
  const clock = h('p', { class: 'left', id: 'left' });
  const problem = h('p', { class: 'problem', id: 'problem', role: 'alert' }, troubles.get(kept.request));
  const match = matching(content);
  /** @type {HTMLButtonElement[]} */
  const buttons = [];
  /** @param {import('./answer.js').Said} said */
  const decide = async (said) => {
    const isYes = said.decision === 'approve';
    const number = isYes ? match.read() : undefined;
    problem.textContent = '';
    troubles.delete(kept.request);
    if (isYes && match.isAsked && number === undefined) {
      problem.textContent = say(content.match?.style === 'choose' ? 'match-pick' : 'match-enter');
      match.focus();
      return;
    }
    for (const button of buttons) button.disabled = true;
    const wants = isYes && content.user_verification === 'required';
    const full = number === undefined ? said : { ...said, match: number };
    const refusal = await answer(account, kept, full, wants ? (challenge) => confirm(account, challenge) : undefined)
      .catch((error) => error);
    if (!refusal) return;
    // Only the screen that stays tells of it: what is typed next is not drawn over.
    troubles.set(kept.request, trouble(refusal));
    await drawn();
    for (const button of buttons) button.disabled = false;
    const place = document.getElementById('problem');
    if (place) place.textContent = trouble(refusal);
  };
  const button = (/** @type {string} */ kind, /** @type {string} */ mark, /** @type {string} */ text, /** @type {() => void} */ act) => {
    const made = h('button', { type: 'button', class: kind, id: kind, onclick: act }, mark && h('span', { 'aria-hidden': 'true' }, mark), text);
    buttons.push(made);
    return made;
  };
  const report = h('details', { class: 'report' }, h('summary', { id: 'wasnt-me' }, say('wasnt-me')),
    h('p', {}, say('wasnt-me-text', { name: plain(content.client.name) })),
    button('report-it', '', say('wasnt-me-yes'), () => decide({ decision: 'deny', reason: 'suspicious' })));
  main.replaceChildren(h('article', { class: 'request' }, ...words(content, account, 'h1'),
    clock, match.element, content.user_verification === 'required' && h('p', { class: 'note' }, say('passkey-note')), problem,
    h('div', { class: 'answers' },
      button('deny', '✕', say('deny'), () => decide({ decision: 'deny' })),
      button('approve', '✓', say('approve'), () => decide({ decision: 'approve' }))),
    report));
  return countdown(clock, content);
}

/**
 * The number that the other device shows.
 * @param {Content} content
 */
function matching({ match }) {
  if (!match) return { isAsked: false, element: undefined, read: () => undefined, focus: () => undefined };
  if (match.style === 'type') {
    const input = h('input', { id: 'match', inputmode: 'numeric', autocomplete: 'off', maxlength: 2, size: 4, 'aria-describedby': 'match-help problem' });
    const element = h('div', { class: 'match' }, h('label', { for: 'match' }, say('match-type')), h('p', { id: 'match-help' }, say('match-help')), input);
    const read = () => {
      // Digits of any script's keyboard, and full-width ones.
      const digits = input.value.normalize('NFKC').trim();
      return /^[0-9]{2}$/.test(digits) ? digits : undefined;
    };
    return { isAsked: true, element, read, focus: () => input.focus() };
  }
  const choices = match.numbers.map((number, at) => {
    const radio = h('input', { type: 'radio', name: 'match', id: `match${at}`, value: number });
    return { radio, label: h('label', { class: 'choice', for: `match${at}` }, radio, foreign(plain(number))) };
  });
  const element = h('fieldset', { class: 'match' }, h('legend', {}, say('match-choose')), h('p', {}, say('match-help')),
    h('div', { class: 'choices' }, ...choices.map(({ label }) => label)));
  return {
    isAsked: true, element, focus: () => choices[0]?.radio.focus(),
    read: () => choices.find(({ radio }) => radio.checked)?.radio.value,
  };
}

/**
 * How long it waits; told at times to those who listen.
 * @param {HTMLElement} place
 * @param {Content} content
 */
function countdown(place, content) {
  let before = Infinity;
  const tick = () => {
    const rest = content.expires_at - now();
    place.textContent = left(rest);
    place.classList.toggle('soon', rest <= 60);
    const passed = TOLD_AT.find((limit) => before > limit && rest <= limit);
    if (passed !== undefined && before !== Infinity) tell(left(rest));
    before = rest;
    if (rest <= 0) expire();
  };
  tick();
  const timer = setInterval(tick, 1000);
  return () => clearInterval(timer);
}

/**
 * A request that is answered or over.
 * @param {HTMLElement} main
 * @param {Account} account
 * @param {Kept} kept
 * @param {Content | undefined} content
 */
function over(main, account, kept, content) {
  const kind = outcomeOf(kept);
  const [title = '', text = ''] = OUTCOMES[kind];
  const name = content ? plain(content.client.name) : account.server;
  const problem = h('p', { class: 'problem', role: 'alert' });
  const heading = h('h1', { tabindex: -1, id: 'outcome' }, h('span', { class: 'mark', 'aria-hidden': 'true' }), say(title));
  const hadFocus = main.contains(document.activeElement) || document.activeElement === document.body;
  main.replaceChildren(
    h('section', { class: `outcome ${kind}` }, heading, h('p', {}, say(text, { name })),
      kept.endedAt !== undefined && h('p', { class: 'fine' }, moment(kept.endedAt)),
      kept.receipt !== undefined && h('p', {}, h('button', {
        type: 'button', class: 'plain', id: 'receipt',
        onclick: () => saveReceipt(account, kept.receipt ?? '').catch((error) => { problem.textContent = trouble(error); }),
      }, say('receipt-save'))), problem,
      h('p', {}, h('a', { href: '#/', class: 'button plain', id: 'back' }, say('back')))),
    content ? h('details', { class: 'part words' }, h('summary', {}, say('part-words')), ...words(content, account, 'h2')) : '');
  if (hadFocus) heading.focus();
  tell(say(title));
}
