// What waits, newest first.
import { read, plain, headline } from './content.js';
import { foreign, h } from './dom.js';
import { lookAgain, more } from './inbox.js';
import { logoOf } from './logo.js';
import { outcome } from './screen-request.js';
import { accounts, forget, keep, network, onChange, requests, waiting } from './state.js';
import { left, say } from './words.js';
import { now } from './clock.js';

/** @typedef {import('./vault.js').Kept} Kept */

/**
 * @param {HTMLElement} main
 * @returns {() => void}
 */
export function inboxScreen(main) {
  const heading = h('h1', { tabindex: -1 }, say('inbox-title'));
  const place = h('div');
  main.replaceChildren(heading, place);
  let turn = 0;
  const draw = async () => {
    turn += 1;
    const ours = turn;
    const cards = await Promise.all(waiting().map(card));
    if (ours !== turn) return;
    const focused = document.activeElement?.id;
    const hidden = [...accounts.keys()].some((device) => more.get(device));
    place.replaceChildren(
      ...lostOnes(), ...refusedOnes(),
      cards.length > 0 ? h('ul', { class: 'cards', id: 'waiting' }, ...cards.filter((one) => one !== undefined)) : empty(),
      ...(hidden ? [h('p', { class: 'fine' }, say('inbox-more'))] : []),
      h('p', {}, h('button', { type: 'button', class: 'plain', id: 'check', onclick: lookAgain }, say('inbox-check'))));
    if (focused && place.querySelector(`#${CSS.escape(focused)}`)) document.getElementById(focused)?.focus();
  };
  const unheard = onChange(() => { draw(); });
  draw();
  const timer = setInterval(draw, 10_000);
  return () => { unheard(); clearInterval(timer); };
}

const empty = () => h('div', { class: 'empty' }, h('p', { class: 'what' }, say('inbox-empty')),
  h('p', {}, network.isOnline ? say('inbox-empty-text') : say('inbox-offline-text')));

/** @param {Kept} kept */
async function card(kept) {
  const account = accounts.get(kept.device);
  if (!account || !kept.content) return undefined;
  const content = await read(account, kept.request, kept.content).catch(() => undefined);
  if (!content) return undefined;
  const address = `#/request/${encodeURIComponent(kept.device)}/${encodeURIComponent(kept.request)}`;
  return h('li', {}, h('a', { href: address, id: kept.request },
    logoOf(content),
    h('span', { class: 'card' },
      h('span', { class: 'who' }, foreign(plain(content.client.name))),
      h('span', { class: 'line' }, foreign(headline(content))),
      h('span', { class: 'fine' }, kept.state === 'waiting' ? left(content.expires_at - now()) : outcome(kept)))));
}

/** Accounts that the server does not know any more. */
function lostOnes() {
  return [...accounts.values()].filter((account) => account.isLost).map((account) => h('section', { class: 'alert', role: 'group' },
    h('h2', {}, say('lost-title')), h('p', {}, say('lost-text', { server: account.server, name: account.name })),
    h('p', { class: 'row' }, h('a', { class: 'button', href: '#/add' }, say('lost-again')),
      h('button', { type: 'button', class: 'plain', onclick: () => forget(account.device) }, say('lost-remove')))));
}

/** Requests whose words did not hold: told, and not shown. */
function refusedOnes() {
  return [...requests.values()].filter((kept) => kept.state === 'refused' && kept.endedAt === undefined).map((kept) =>
    h('section', { class: 'alert', role: 'group' }, h('h2', {}, say('outcome-refused')), h('p', {}, say('outcome-refused-text')),
      h('p', {}, h('button', { type: 'button', class: 'plain', onclick: () => keep({ ...kept, endedAt: now() }) }, say('understood')))));
}
