// What was decided here, with the receipts; works without a network.
import { headline, plain, read } from './content.js';
import { foreign, h } from './dom.js';
import { outcome } from './screen-request.js';
import { accounts, history, onChange } from './state.js';
import { moment, say } from './words.js';

/**
 * @param {HTMLElement} main
 * @returns {() => void}
 */
export function historyScreen(main) {
  const place = h('div');
  main.replaceChildren(h('h1', { tabindex: -1 }, say('history-title')), place);
  let turn = 0;
  const draw = async () => {
    turn += 1;
    const ours = turn;
    const entries = (await Promise.all(history().map(entry))).filter((one) => one !== undefined);
    if (ours !== turn) return;
    place.replaceChildren(entries.length > 0 ? h('ul', { class: 'cards', id: 'over' }, ...entries)
      : h('div', { class: 'empty' }, h('p', { class: 'what' }, say('history-empty')), h('p', {}, say('history-empty-text'))));
  };
  const unheard = onChange(() => { draw(); });
  draw();
  return unheard;
}

/** @param {import('./vault.js').Kept} kept */
async function entry(kept) {
  const account = accounts.get(kept.device);
  const content = account && kept.content ? await read(account, kept.request, kept.content).catch(() => undefined) : undefined;
  if (!content) return undefined;
  const address = `#/request/${encodeURIComponent(kept.device)}/${encodeURIComponent(kept.request)}`;
  const kind = kept.state === 'sent' ? kept.answer ?? '' : kept.state;
  return h('li', {}, h('a', { href: address },
    h('span', { class: `mark ${kind}`, 'aria-hidden': 'true' }),
    h('span', { class: 'card' },
      h('span', { class: 'who' }, foreign(plain(content.client.name))),
      h('span', { class: 'line' }, foreign(headline(content))),
      h('span', { class: 'fine' }, outcome(kept), ' · ', moment(kept.endedAt ?? kept.seenAt)))));
}
