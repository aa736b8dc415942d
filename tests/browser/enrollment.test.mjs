// The enrollment page as a person uses it, in a real browser.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import test, { after } from 'node:test';

import jsqr from 'jsqr';
import { PNG } from 'pngjs';

import { close, complaints, DESKTOP, isAccessible, PHONE, reads, window } from './lib/chromium.mjs';
import { card, enrollsOwn, person, root, ticket } from './lib/house.mjs';

after(close);

const IPHONE = 'Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 Safari/604.1';
const MAC = 'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/19.0 Safari/605.1.15';

async function begin(page) {
  await page.getByRole('button', { name: /Agree and show|同意して/ }).click();
  await page.locator('#check').waitFor({ state: 'attached' });
  await page.waitForLoadState();
}

/** The page of a fresh link, on the plain listener. */
async function opened(options = {}, prepare = async () => {}) {
  const user = await person('Alma Rivers');
  const page = await window(options);
  await prepare(page);
  const link = new URL(await ticket(user));
  await page.goto(new URL(link.pathname + link.search, card.http).href);
  return page;
}

/** What a camera reads off a picture on the page. */
async function scanned(place) {
  const { data, width, height } = PNG.sync.read(await place.screenshot());
  return jsqr(new Uint8ClampedArray(data), width, height)?.data;
}

const code = (page) => page.locator('#check input[name=code]').inputValue();

test('the page can be read at every size, in light and dark, in both languages', async () => {
  const folder = `${root}docs/screens`;
  const isWanted = process.env.UPDATE_SCREENS === '1';
  if (isWanted) mkdirSync(folder, { recursive: true });
  const kinds = [
    ['phone', { viewport: PHONE, locale: 'en-GB' }], ['desktop', { viewport: DESKTOP, locale: 'en-GB' }],
    ['phone-dark-ja', { viewport: PHONE, colorScheme: 'dark', locale: 'ja-JP' }],
    ['desktop-dark-ja', { viewport: DESKTOP, colorScheme: 'dark', locale: 'ja-JP' }],
    ['iphone', { viewport: PHONE, locale: 'en-GB', userAgent: IPHONE }],
  ];
  for (const [kind, options] of kinds) {
    const page = await opened(options);
    const looks = async (name) => {
      await isAccessible(page, `${name} ${kind}`);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
      assert.equal(wide, false, `${name} ${kind} is too wide`);
      const isKept = isWanted && name !== 'enrollment-dead' && ['phone', 'phone-dark-ja'].includes(kind);
      const picture = await page.screenshot({ fullPage: true, ...(isKept && { path: `${folder}/${name}-${kind}.png` }) });
      assert.ok(picture.length > 1_000);
    };
    await looks('enrollment');
    await begin(page);
    await looks('enrollment-code');
    await enrollsOwn(await code(page));
    await page.locator('#key-code').waitFor();
    await looks('enrollment-done');
    await page.goto(page.url());
    await looks('enrollment-dead');
  }
  assert.deepEqual(complaints, []);
});

test('an iPad, which says that it is a Mac, is told to install the app first; a Mac is not', async () => {
  const fingers = (page) => page.addInitScript(() => Object.defineProperty(navigator, 'maxTouchPoints', { get: () => 5 }));
  for (const isIpad of [true, false]) {
    const page = await opened({ userAgent: MAC }, isIpad ? fingers : undefined);
    const install = page.getByText('Add to Home Screen');
    const sees = (place, is) => place.waitFor({ state: is ? 'visible' : 'hidden' });
    await sees(install, isIpad);
    await isAccessible(page, `enrollment, iPad: ${isIpad}`);
    await begin(page);
    await sees(page.locator('#paste'), isIpad);
    await sees(page.locator('#here'), !isIpad);
    await isAccessible(page, `enrollment-code, iPad: ${isIpad}`);
  }
  assert.deepEqual(complaints, []);
});

test('the page goes on by itself, and shows the code of the new key', async () => {
  const page = await opened();
  await begin(page);
  const { keyCode } = await enrollsOwn(await code(page), 'Kitchen');
  await reads(page, /was added/);
  await reads(page, /Kitchen/);
  assert.equal(await page.locator('#key-code').innerText(), keyCode);
});

test('a code to scan leads to the authenticator, another to a Guardian app', async () => {
  const page = await opened();
  await begin(page);
  const secret = await code(page);
  assert.equal(await scanned(page.locator('details[open] figure')), `${card.issuer}authenticator/#enroll=${secret}`);
  await page.getByText('Use an authenticator app').click();
  assert.match(await scanned(page.locator('details[open] figure')), new RegExp(`^otpauth://.*enrollment_tx_id=${secret}`));
  const here = page.getByRole('link', { name: 'Use this browser' });
  assert.equal(new URL(await here.getAttribute('href'), page.url()).href, `${card.http}authenticator/#enroll=${secret}`);
});

test('the language changes and the code stays', async () => {
  const page = await opened();
  await page.getByRole('button', { name: '日本語' }).click();
  await reads(page, /端末を追加/);
  await begin(page);
  const secret = await code(page);
  await page.getByRole('button', { name: 'English' }).click();
  await reads(page, /Choose one way/);
  assert.equal(await code(page), secret);
  assert.deepEqual(complaints, []);
});
