// The app begins here: words, what is kept, the frame around the screens, and who listens to what.
import { call } from './api.js';
import { sendKept } from './answer.js';
import { offBy, onCorrection } from './clock.js';
import { read, summary } from './content.js';
import { byId, h, tell } from './dom.js';
import { ticketIn } from './enroll.js';
import { expire, follow, lookAgain, relearn } from './inbox.js';
import { FILES, HOME, STORE } from './place.js';
import { canPush, permission, renew } from './push.js';
import { addScreen } from './screen-add.js';
import { historyScreen } from './screen-history.js';
import { inboxScreen } from './screen-inbox.js';
import { requestScreen } from './screen-request.js';
import { settingsScreen } from './screen-settings.js';
import { accounts, changed, load, nameOf, network, onChange, requests, waiting } from './state.js';
import { keepSetting, setting } from './vault.js';
import { choose, say, speak } from './words.js';

/** Looking for what ran out of time, and for answers that are still to be sent. */
const TICK_MS = 5_000;
/** A clock that is less far off is right enough: the server takes 120 seconds. */
const CLOCK_S = 90;

/** Ends the screen that is shown. */
let leave = () => {};
/** @type {Set<string>} */
const announced = new Set();

/** @param {string} [chosen] */
async function learnWords(chosen) {
  const choice = choose(chosen, navigator.languages);
  const answer = await fetch(new URL(`words/${choice.language}.json`, FILES));
  // Another version is served by now; its page knows where its words are.
  if (!answer.ok) return location.reload();
  speak(await answer.json(), choice);
  document.documentElement.lang = choice.language;
}

const TABS = [['#/', 'tab-inbox'], ['#/history', 'tab-history'], ['#/settings', 'tab-settings']];

function frame() {
  const skip = byId('skip');
  skip.textContent = say('skip');
  skip.hidden = false;
  const [first] = accounts.values();
  byId('brand').textContent = first ? first.server : say('brand');
  const count = waiting().length;
  const here = location.hash.replace(/^#?\/?/, '#/');
  const tabs = accounts.size === 0 ? [] : TABS.map(([address = '', key = '']) => {
    const isHere = here === address || (address === '#/' && here.startsWith('#/request'));
    const text = address === '#/' && count > 0 ? say('tab-inbox-count', { count }) : say(key);
    return h('a', { href: address, 'aria-current': isHere ? 'page' : undefined }, text);
  });
  const focused = [...byId('nav').children].indexOf(/** @type {Element} */ (document.activeElement));
  byId('nav').setAttribute('aria-label', say('nav'));
  byId('nav').replaceChildren(...tabs);
  if (focused >= 0) tabs[focused]?.focus();
  banner();
  const badge = /** @type {any} */ (navigator);
  if (count > 0) badge.setAppBadge?.(count).catch(() => undefined);
  else badge.clearAppBadge?.().catch(() => undefined);
}

function banner() {
  const off = offBy();
  const minutes = Math.round(Math.abs(off) / 60);
  const texts = [
    !network.isOnline && say('banner-offline'),
    Math.abs(off) > CLOCK_S && say(off > 0 ? 'clock-fast' : 'clock-slow', { minutes }),
  ].filter((text) => text !== false);
  const place = byId('banner');
  const text = texts.join(' ');
  if (place.textContent !== text) place.textContent = text;
  place.hidden = text === '';
}

/** Shows what the address names. */
function show() {
  const ticket = enrolling();
  leave();
  byId('main').replaceChildren();
  const [name = '', ...rest] = location.hash.replace(/^#\/?/, '').split('/').map(part);
  const main = byId('main');
  if (ticket !== undefined) leave = addScreen(main, ticket);
  else if (name === 'request') leave = rest.length > 1 ? requestScreen(main, rest[1] ?? '', rest[0]) : requestScreen(main, rest[0] ?? '');
  else if (name === 'settings') leave = settingsScreen(main, speakAnother);
  else if (name === 'history') leave = historyScreen(main);
  else if (name === 'add' || accounts.size === 0) leave = addScreen(main);
  else leave = inboxScreen(main);
  frame();
  drawn(main, (heading) => { document.title = `${heading.textContent} · ${byId('brand').textContent}`; });
}

/**
 * Calls back once the screen is there; some look something up first.
 * @param {HTMLElement} main
 * @param {(heading: HTMLElement) => void} act
 */
function drawn(main, act) {
  const heading = main.querySelector('h1');
  if (heading) return act(heading);
  const watch = new MutationObserver(() => {
    const late = main.querySelector('h1');
    if (late) { watch.disconnect(); act(late); }
  });
  watch.observe(main, { childList: true, subtree: true });
}

/** @param {string} text */
function part(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The ticket of a link, which leaves the address at once: it opens a device. */
function enrolling() {
  if (!location.hash.startsWith('#enroll=')) return undefined;
  const ticket = ticketIn(location.hash) ?? '';
  history.replaceState(null, '', HOME.pathname);
  return ticket;
}

/** @param {string} chosen */
async function speakAnother(chosen) {
  await keepSetting('language', chosen);
  await learnWords(chosen);
  tellWorker();
  show();
  document.getElementById(`language-${chosen}`)?.focus();
  await relearn().catch(() => undefined);
  for (const account of accounts.values()) {
    if (!account.isLost) await call(account, 'PATCH', 'device/v1/device', { locale: chosen }).catch(() => undefined);
  }
}

/** The worker speaks to the person, too, and cannot ask for words then. */
function tellWorker() {
  const notice = { title: say('notice-title'), text: say('notice-text') };
  navigator.serviceWorker?.ready.then(({ active }) => active?.postMessage({ kind: 'words', notice }));
}

function install() {
  if (!('serviceWorker' in navigator)) return;
  const address = new URL('sw.js', HOME).href;
  const types = /** @type {any} */ (globalThis).trustedTypes;
  const policy = types?.createPolicy('aizuchi-worker', { createScriptURL: () => address });
  navigator.serviceWorker.register(policy ? policy.createScriptURL('') : address).then(tellWorker, console.warn);
  navigator.serviceWorker.addEventListener('message', ({ data }) => {
    if (data?.kind === 'push') lookAgain();
    if (data?.kind === 'open') location.hash = `#/request/${encodeURIComponent(data.request)}`;
  });
}

/** @param {import('./vault.js').Kept | undefined} kept */
async function announce(kept) {
  frame();
  for (const account of accounts.values()) if (!account.isLost) follow(account.device);
  const name = kept && nameOf(kept.device, kept.request);
  const account = kept && accounts.get(kept.device);
  if (!name || !account || kept.state !== 'waiting' || !kept.content || announced.has(name)) return;
  announced.add(name);
  const content = await read(account, kept.request, kept.content).catch(() => undefined);
  if (content) tell(summary(content), 'alarm');
}

/** Another window of this browser has changed what is kept. */
function hearOthers() {
  if (!('BroadcastChannel' in globalThis)) return;
  const channel = new BroadcastChannel(STORE);
  channel.onmessage = async () => {
    await load();
    changed();
  };
  onChange((kept) => { if (kept && kept.state !== 'sending') channel.postMessage('changed'); });
}

async function begin() {
  const main = byId('main');
  try {
    await Promise.all([load(), setting('language').then(learnWords)]);
  } catch (error) {
    // Private windows of some browsers keep nothing: a key would be lost with the window.
    console.warn(error);
    await learnWords();
    main.replaceChildren(h('h1', {}, say('no-storage-title')), h('p', {}, say('no-storage-text')));
    return;
  }
  for (const name of requests.keys()) announced.add(name);
  await expire();
  onChange(announce);
  hearOthers();
  onCorrection(banner);
  show();
  addEventListener('hashchange', () => {
    show();
    drawn(main, (heading) => { heading.focus(); scrollTo(0, 0); });
  });
  addEventListener('online', () => { lookAgain(); sendKept(); });
  addEventListener('offline', () => { network.isOnline = false; frame(); });
  document.addEventListener('visibilitychange', () => { if (document.visibilityState === 'visible') lookAgain(); });
  setInterval(() => { expire(); sendKept(); }, TICK_MS);
  install();
  sendKept();
  for (const account of accounts.values()) follow(account.device);
  if (canPush() && permission() === 'granted' && [...accounts.values()].some((account) => account.endpoint)) keepWoken();
}

/** Browsers change subscriptions at will; the server is told. */
async function keepWoken() {
  const offer = await call(undefined, 'GET', 'device/v1/configuration').catch(() => undefined);
  if (offer?.web_push) await renew(offer.web_push.public_key).catch(console.warn);
}

begin();
