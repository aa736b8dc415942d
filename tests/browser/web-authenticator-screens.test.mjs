// How the web authenticator looks, reads and is driven: both languages, light and dark, by keyboard, by
// ear, on a small phone, and how soon it is there.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import test, { after } from 'node:test';

import { enrolls, home, opens, personAt, starts, ticketFor } from './lib/authenticator.mjs';
import { close, complaints, DESKTOP, isAccessible, PHONE, window } from './lib/chromium.mjs';
import { asks, card, gets, person, root } from './lib/house.mjs';
import { decided, shown } from './lib/stand-in.mjs';

after(close);

/** A request with everything on it. */
const WHOLE = {
  en: {
    client: { id: 'shop', name: 'Corner Book Shop', domain: 'books.example' },
    binding_message: 'Pay ¥24,800 to the book shop',
    display: { locale: 'en', lines: ['Pay ¥24,800 to the book shop', 'Order 4711, 3 books', 'From your account …3301'] },
    context: { place: 'Kyoto, Japan', device: 'Till 3' },
  },
  ja: {
    client: { id: 'shop', name: '街角書店', domain: 'books.example' },
    binding_message: '街角書店に 24,800 円を支払う',
    display: { locale: 'ja', lines: ['街角書店に 24,800 円を支払う', '注文 4711、書籍 3 冊', '口座 …3301 から'] },
    context: { place: '京都', device: 'レジ 3' },
  },
};
const details = [{ type: 'payment', amount: '24800', currency: 'JPY', creditor: 'Corner Book Shop', order: '4711' }];
const match = { style: 'choose', numbers: ['12', '47', '83'] };

/** Every screen, each with a name; the page is one of `shown`. */
function screens({ page, adds: enter }) {
  return [
    ['welcome', () => starts(page)],
    ['added', enter],
    ['inbox', async () => { await page.locator('#to-inbox').click(); await page.locator('#waiting a').waitFor(); }],
    ['request', async () => {
      await opens(page);
      await page.locator('summary').first().waitFor();
    }],
    ['answered', async () => {
      if (await page.locator('#match0').count() > 0) await page.locator('#match1').check();
      await page.locator('#approve').click();
      await page.locator('.outcome.approve').waitFor();
    }],
    ['history', async () => { await page.goto(`${home}#/history`); await page.locator('#over a').waitFor(); }],
    ['settings', async () => { await page.goto(`${home}#/settings`); await page.locator('#push').waitFor(); }],
  ];
}

/** Which pictures are kept, beside all of the request on phones. */
const KEPT = ['welcome-phone-en', 'added-phone-ja', 'inbox-phone-en', 'inbox-phone-dark-ja', 'answered-phone-en', 'answered-phone-dark-ja',
  'history-phone-dark-en', 'settings-phone-en', 'settings-phone-ja', 'request-desktop-en'];

test('the pictures in docs/screens of the authenticator can be taken', async () => {
  const isWanted = process.env.UPDATE_SCREENS === '1';
  const folder = `${root}docs/screens`;
  if (isWanted) mkdirSync(folder, { recursive: true });
  for (const [kind, viewport, colorScheme, locale] of [['phone-en', PHONE, 'light', 'en-GB'], ['phone-dark-en', PHONE, 'dark', 'en-GB'],
    ['phone-ja', PHONE, 'light', 'ja-JP'], ['phone-dark-ja', PHONE, 'dark', 'ja-JP'], ['desktop-en', DESKTOP, 'light', 'en-GB']]) {
    const words = WHOLE[locale.slice(0, 2)];
    const world = await shown({ ...words, authorization_details: details, ...(kind.includes('dark') && { match }) }, { viewport, colorScheme, locale });
    for (const [name, show] of screens(world)) {
      await show();
      const isKept = isWanted && ((name === 'request' && kind !== 'desktop-en') || KEPT.includes(`${name}-${kind}`));
      const picture = await world.page.screenshot({ fullPage: true, ...(isKept && { path: `${folder}/authenticator-${name}-${kind}.png` }) });
      assert.ok(picture.length > 1_000);
    }
    await world.page.context().close();
  }
});

for (const [scheme, locale] of [['light', 'en-GB'], ['dark', 'ja-JP']]) {
  test(`axe-core finds nothing wrong with the authenticator (${scheme}, ${locale})`, async () => {
    const world = await shown({ ...WHOLE[locale.slice(0, 2)], authorization_details: details, match }, { colorScheme: scheme, locale });
    for (const [name, show] of screens(world)) {
      await show();
      await isAccessible(world.page, name);
    }
    const typed = await shown({ match: { style: 'type' }, user_verification: 'required' }, { colorScheme: scheme, locale });
    await typed.enter();
    await opens(typed.page);
    for (const summary of await typed.page.locator('summary').all()) await summary.click();
    await isAccessible(typed.page, 'typed');
  });
}

// O470: a link without a word is nothing to anybody: it comes with the words.
test('until its words are there, the page has no link to skip to', async () => {
  const page = await window({ viewport: PHONE, serviceWorkers: 'block' });
  let release = () => {};
  const held = new Promise((resolve) => { release = resolve; });
  await page.route('**/words/*.json', async (route) => { await held; await route.continue(); });
  await page.goto(home);
  assert.ok(await page.locator('#skip').isHidden());
  assert.equal(await page.locator('main h1').count(), 0);
  release();
  await page.locator('main h1', { hasText: 'Add this device' }).waitFor();
  assert.equal(await page.locator('#skip').innerText(), 'Skip to content');
});

// O430: as large as a finger, apart from links within sentences.
test('targets are large enough, and nothing is scrolled sideways', async () => {
  const world = await shown({ ...WHOLE.en, authorization_details: details, match }, { viewport: { width: 320, height: 640 } });
  for (const [name, show] of screens(world)) {
    await show();
    assert.ok(await world.page.evaluate(() => document.documentElement.scrollWidth) <= 320, name);
    const small = await world.page.evaluate(() => [...document.querySelectorAll('main button, main .button, nav a, main summary, .cards a, main label.choice, main input:not([type=radio], [type=checkbox])')]
      .filter((one) => one.getBoundingClientRect().height < 44 && one.getBoundingClientRect().height > 0).map((one) => one.outerHTML));
    assert.deepEqual(small, [], name);
  }
});

// O430: chosen by the browser, changed in the settings, kept; the words of a waiting request too.
test('the app speaks the browser\'s language, or the one that was chosen', async () => {
  const { user, page } = await personAt('Sora Words', { locale: 'ja-JP' });
  await asks(user, 'Pay 61.00');
  await page.locator('#waiting a').waitFor();
  assert.equal(await page.locator('html').getAttribute('lang'), 'ja');
  await page.getByRole('link', { name: '設定' }).click();
  await page.getByLabel('English').check();
  await page.getByRole('heading', { name: 'Settings' }).waitFor();
  await page.reload();
  await page.getByRole('heading', { name: 'Settings' }).waitFor();
  assert.equal(await page.locator('html').getAttribute('lang'), 'en');
  await page.getByRole('link', { name: 'Requests' }).click();
  await opens(page);
  await page.goto(`${home}#/settings`);
  await page.getByLabel('日本語').check();
  await page.getByRole('heading', { name: '設定' }).waitFor();
  await page.goBack();
  await page.getByRole('button', { name: '承認' }).waitFor();
});

/** Goes by the Tab key to what has this id. */
async function tabTo(page, wanted) {
  for (let steps = 1; steps <= 40; steps += 1) {
    await page.keyboard.press('Tab');
    const focused = await page.evaluate(() => {
      const one = document.activeElement;
      return { id: one?.id, isMarked: !one || getComputedStyle(one).outlineStyle !== 'none', isBody: one === document.body };
    });
    assert.ok(focused.isMarked || focused.isBody, `the focus can be seen on ${focused.id}`);
    if (focused.id === wanted) return steps;
  }
  throw new Error(`no way to ${wanted} by Tab`);
}

// O430: from the code to the answer without a pointer; each new screen begins where one reads on.
test('a keyboard is enough for the authenticator', async () => {
  const user = await person('Tomo Keys');
  const page = await window();
  await enrolls(page, user);
  const id = await asks(user, 'Pay 62.00');
  await page.locator('#alarm', { hasText: 'Pay 62.00' }).waitFor({ state: 'attached' });
  const card = await page.locator('#waiting a').getAttribute('id');
  await page.reload();
  await page.locator('#waiting a').waitFor();
  await tabTo(page, 'skip');
  await tabTo(page, card);
  await page.keyboard.press('Enter');
  await page.locator('#approve').waitFor();
  await page.waitForFunction(() => document.activeElement?.tagName === 'H1');
  await tabTo(page, 'deny');
  await tabTo(page, 'approve');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Approved' }).waitFor();
  assert.equal(await page.evaluate(() => document.activeElement?.id), 'outcome');
  assert.equal(await gets(id), 'tokens');
});

// O432: typed or chosen, sent as text; a wrong one can be corrected once.
test('a number is matched', async () => {
  const typed = await shown({ match: { style: 'type' } });
  typed.state.reply = (times) => (times === 1 ? { status: 400, json: { code: 'wrong_match', message: '-' } } : { status: 204 });
  await typed.enter();
  await opens(typed.page);
  await typed.page.locator('#approve').click();
  await typed.page.getByText('Enter the two digits').waitFor();
  assert.equal(await typed.page.evaluate(() => document.activeElement?.id), 'match');
  await typed.page.locator('#match').fill('12');
  await typed.page.locator('#approve').click();
  await typed.page.getByText('That is not the number.').waitFor();
  await typed.page.locator('#match').fill('４７');
  await typed.page.locator('#approve').click();
  await typed.page.getByRole('heading', { name: 'Approved' }).waitFor();
  assert.deepEqual(typed.sent.map((body) => decided(body).match), ['12', '47']);

  const chosen = await shown({ match });
  await chosen.enter();
  await opens(chosen.page);
  await chosen.page.locator('#approve').click();
  await chosen.page.getByText('Choose the number that').waitFor();
  await chosen.page.getByLabel('83').check();
  await chosen.page.locator('#approve').click();
  await chosen.page.getByRole('heading', { name: 'Approved' }).waitFor();
  assert.equal(decided(chosen.sent[0]).match, '83');
  assert.equal(decided(chosen.sent[0]).decision, 'approve');

  const wrong = await shown({ match });
  wrong.state.reply = () => { wrong.state.over = true; return { status: 400, json: { code: 'wrong_match', message: '-' } }; };
  await wrong.enter();
  await opens(wrong.page);
  await wrong.page.getByLabel('12').check();
  await wrong.page.locator('#approve').click();
  await wrong.page.getByRole('heading', { name: 'the numbers differ' }).waitFor();
});

// O431: all that the first screen loads, in bytes, and the time until it can be read on a slow phone.
test('the first screen is small and soon there', async (context) => {
  // As a phone has it: over HTTP/2, with nothing in its cache, the person enrolled.
  const page = await window({ viewport: PHONE, ignoreHTTPSErrors: true, serviceWorkers: 'block' });
  const address = new URL('authenticator/', card.issuer).href;
  await page.goto(`${address}#enroll=${await ticketFor(await person('Uta Speed'))}`);
  await page.locator('#add').click();
  await page.locator('#key-code').waitFor();
  await page.goto('about:blank');
  const developer = await page.context().newCDPSession(page);
  let bytes = 0;
  await developer.send('Network.enable');
  developer.on('Network.loadingFinished', ({ encodedDataLength }) => { bytes += encodedDataLength; });
  await developer.send('Network.setCacheDisabled', { cacheDisabled: true });
  // A mid-range phone as Chromium's developer tools have it: four times slower, on their "Fast 4G".
  await developer.send('Emulation.setCPUThrottlingRate', { rate: 4 });
  await developer.send('Network.emulateNetworkConditions', { offline: false, latency: 165, downloadThroughput: 8_100_000 / 8, uploadThroughput: 1_350_000 / 8 });
  const begun = Date.now();
  await page.goto(address, { waitUntil: 'commit' });
  await page.locator('h1').waitFor();
  const took = Date.now() - begun;
  await page.getByText('Nothing is waiting').waitFor();
  const largest = await page.evaluate(() => new Promise((resolve) => {
    new PerformanceObserver((list) => resolve(Math.round(list.getEntries().at(-1)?.startTime ?? 0))).observe({ type: 'largest-contentful-paint', buffered: true });
  }));
  context.diagnostic(`first screen: ${bytes} bytes, all of it painted after ${largest} ms; seen by this test after ${took} ms`);
  assert.ok(bytes < 100_000, `${bytes} bytes`);
});

test('no page asked for anything that its policy refuses, and no program failed', () => {
  assert.deepEqual(complaints, []);
});
