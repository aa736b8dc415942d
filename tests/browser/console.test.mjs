// The console as a person uses it, in a real browser.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import test, { after } from 'node:test';

import jsqr from 'jsqr';
import { PNG } from 'pngjs';

import { close, complaints, DESKTOP, isAccessible, PHONE, reads, signedIn, text, window, withAuthenticator } from './lib/chromium.mjs';
import { asks, at, card, enrolls, link, person, personWithPhone, root } from './lib/house.mjs';

after(close);

test('the pictures in docs/screens can be taken', async () => {
  await person('Emma Brown', { blocked: true });
  await person('Kenji Sato');
  await personWithPhone('Lucas Martin');
  await personWithPhone('佐藤 美咲');
  const user = await personWithPhone('Haruka Tanaka');
  await asks(user, 'Pay 25.00, order 42', 'allow');
  await asks(user, 'Pay 980.00, order 43', 'deny');
  await asks(user, 'Pay 12.50, order 44');
  const folder = `${root}docs/screens`;
  const isWanted = process.env.UPDATE_SCREENS === '1';
  if (isWanted) mkdirSync(folder, { recursive: true });
  const kinds = [['phone', PHONE, 'light', 'en-GB'], ['desktop', DESKTOP, 'light', 'en-GB'], ['phone-dark-ja', PHONE, 'dark', 'ja-JP']];
  for (const [kind, viewport, colorScheme, locale] of kinds) {
    const page = await signedIn({ viewport, colorScheme, locale });
    const all = Object.fromEntries(await pages(page, user));
    const show = { ...all, user: () => page.goto(user.page) };
    for (const name of ['sign-in', 'users', 'user', 'ticket']) {
      await show[name]();
      const picture = await page.screenshot({ fullPage: true, ...(isWanted && { path: `${folder}/${name}-${kind}.png` }) });
      assert.ok(picture.length > 1_000);
    }
  }
});

test('the programs of the pages hold their types', () => {
  execFileSync('node', ['node_modules/typescript/bin/tsc', '--project', 'tsconfig.json'], { stdio: 'pipe' });
});

test('a one-time link signs in, once', async () => {
  const page = await window();
  const address = await link('Noa');
  await page.goto(at('users'));
  assert.match(page.url(), /\/console\/sign-in\?next=/);
  await page.goto(address);
  await reads(page, /This link signs you in as Noa/);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await reads(page, /Add a passkey now/);
  await page.goto(at('users'));
  await reads(page, /alice@example\.com/);
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.goto(address);
  await reads(page, /This link does not work/);
});

test('over https the session is in a cookie that no other host can set', async () => {
  const page = await window({ ignoreHTTPSErrors: true });
  const { search } = new URL(await link('Mika'));
  await page.goto(`${card.issuer}console/sign-in${search}`);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.goto(`${card.issuer}console/users`);
  await reads(page, /alice@example\.com/);
  const [cookie] = (await page.context().cookies()).filter((one) => one.name.includes('console-'));
  assert.equal(cookie.name, '__Host-aizuchi-console-default');
  assert.ok(cookie.secure && cookie.httpOnly && cookie.sameSite === 'Lax');
});

test('a passkey is added, signs in without a name, and is gone once it is removed', async () => {
  const page = await signedIn({}, 'Kei');
  const { devices, authenticatorId } = await withAuthenticator(page);
  await page.goto(at('passkeys'));
  await page.getByLabel('Its name').fill('work laptop');
  await page.getByRole('button', { name: 'Add a passkey' }).click();
  await page.getByText('The passkey was added.').waitFor();
  await reads(page, /work laptop/);
  const { credentials } = await devices.send('WebAuthn.getCredentials', { authenticatorId });
  assert.equal(credentials.length, 1);

  const user = await person('Target Person');
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.goto(user.page);
  await page.getByRole('button', { name: 'Sign in with a passkey' }).click();
  await page.getByRole('heading', { name: 'Target Person' }).waitFor();
  assert.equal(page.url(), user.page, 'the page that was asked for');

  await page.goto(at('passkeys'));
  await page.locator('summary', { hasText: 'Remove' }).click();
  await page.getByRole('button', { name: 'Remove work laptop' }).click();
  await page.getByText('The passkey was removed.').waitFor();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('button', { name: 'Sign in with a passkey' }).click();
  await page.getByText('This passkey is not known here.').waitFor();
});

test('an authenticator that refuses leaves a sentence and another try', async () => {
  const page = await window();
  await page.goto(at('sign-in'));
  const { devices, authenticatorId } = await withAuthenticator(page);
  await devices.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: false });
  const button = page.getByRole('button', { name: 'Sign in with a passkey' });
  await button.click();
  await page.getByText('That did not work.').waitFor();
  assert.ok(await button.isEnabled());
});

test('a person is found by a part of the name', async () => {
  const user = await personWithPhone('Zoe Findable');
  const page = await signedIn();
  await page.goto(at('users'));
  await page.getByLabel('Name, e-mail or user ID').fill('findab');
  await page.getByRole('button', { name: 'Search' }).click();
  await page.waitForURL(/q=findab/);
  assert.equal(await page.locator('.people a').count(), 1);
  assert.match(await page.locator('.people').innerText(), /Can be asked/);
  await page.locator('.people a').click();
  await page.waitForURL(user.page);
  await page.goto(at('users?q=name:'));
  await reads(page, /The query is not understood/);
});

test('a person\'s page shows device, requests and their outcome', async () => {
  const user = await personWithPhone('Yuki Asked');
  await asks(user, 'Pay 25.00', 'allow');
  await asks(user, 'Pay 99.00', 'deny');
  await asks(user, 'Pay 1.00');
  const page = await signedIn();
  await page.goto(user.page);
  const said = await text(page);
  for (const part of ['Can be asked now', 'Virtual phone', 'Approved, tokens not collected', 'Denied by the person',
    'Waiting for an answer', 'Pay 25.00', 'Example Bank']) {
    assert.ok(said.includes(part), `${part}: ${said}`);
  }
});

test('a scanned ticket enrolls a phone, which can be removed', async () => {
  const user = await person('Rin Scanner');
  const page = await signedIn({ deviceScaleFactor: 2 });
  await page.goto(user.page);
  await page.getByRole('button', { name: 'Add a device' }).click();
  await page.getByText('The code as text').waitFor();
  const picture = PNG.sync.read(await page.locator('.code svg').screenshot());
  const scanned = jsqr(new Uint8ClampedArray(picture.data), picture.width, picture.height);
  await page.getByText('The code as text').click();
  assert.equal(scanned?.data, await page.locator('#code-text').innerText());
  await enrolls(scanned.data, 'Rins phone');
  assert.match(await page.locator('#link').innerText(), /mfa\/enrollment\?ticket=/);

  await page.getByRole('link', { name: 'Back to Rin Scanner' }).click();
  await reads(page, /Can be asked now/);
  await reads(page, /Rins phone/);
  await page.locator('summary', { hasText: 'Remove this device' }).click();
  await page.getByRole('button', { name: 'Remove this device Rins phone' }).click();
  await page.getByRole('status').getByText('The device was removed').waitFor();
  await reads(page, /Cannot be asked now/);
});

test('a person is blocked and unblocked', async () => {
  const user = await personWithPhone('Toru Blocked');
  const page = await signedIn();
  await page.goto(user.page);
  await page.locator('summary', { hasText: 'Block this person' }).click();
  await page.getByRole('button', { name: 'Block this person' }).click();
  await reads(page, /This person is blocked/);
  await assert.rejects(asks(user, 'Pay 1.00'), /403/);
  await page.getByRole('button', { name: 'Unblock this person' }).click();
  await reads(page, /Can be asked now/);
});

test('pages speak the browser\'s language, or the one that was chosen', async () => {
  const page = await signedIn({ locale: 'ja-JP' });
  await page.goto(at('users'));
  assert.equal(await page.locator('html').getAttribute('lang'), 'ja');
  await page.getByRole('button', { name: 'English' }).click();
  await page.locator('html[lang=en]').waitFor();
  await page.goto(at('passkeys'));
  await reads(page, /You sign in with these/);
  await page.getByRole('button', { name: '日本語' }).click();
  await reads(page, /サインインに使います/);
});

test('everything but a passkey works without programs', async () => {
  const user = await person('Nao Plain');
  const page = await signedIn({ javaScriptEnabled: false });
  await page.goto(at('users?q=plain'));
  await page.locator('.people a').first().click();
  await page.locator('summary', { hasText: 'Block this person' }).click();
  await page.getByRole('button', { name: 'Block this person' }).click();
  await page.getByText('This person is blocked').waitFor();
  await page.goto(user.page);
  await page.getByRole('button', { name: 'Add a device' }).click();
  await page.locator('.code svg').waitFor();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await reads(page, /Passkeys need JavaScript/);
});

/** Goes by the Tab key to what has this text; how many steps it took. */
async function tabTo(page, wanted) {
  for (let steps = 1; steps <= 40; steps += 1) {
    await page.keyboard.press('Tab');
    const focused = await page.evaluate(() => {
      const one = document.activeElement;
      const style = one ? getComputedStyle(one) : undefined;
      return { name: `${one?.textContent} ${one?.id}`, isMarked: style?.outlineStyle !== 'none' };
    });
    assert.ok(focused.isMarked, `the focus can be seen on ${focused.name}`);
    if (focused.name.includes(wanted)) return steps;
  }
  throw new Error(`no way to ${wanted} by Tab`);
}

test('a keyboard is enough', async () => {
  const user = await personWithPhone('Mei Keys');
  const page = await signedIn();
  await page.goto(at('users'));
  assert.equal(await tabTo(page, 'Skip to content'), 1);
  await page.keyboard.press('Enter');
  await tabTo(page, ' q');
  await page.keyboard.type('mei keys');
  await page.keyboard.press('Enter');
  await page.waitForURL(/q=mei/);
  await tabTo(page, 'Mei Keys');
  await page.keyboard.press('Enter');
  await page.waitForURL(user.page);
  await tabTo(page, 'Remove this device');
  await page.keyboard.press('Enter');
  await tabTo(page, 'Remove this device');
  await page.keyboard.press('Enter');
  await page.getByText('The device was removed.').waitFor();
  await page.waitForLoadState();
  await tabTo(page, 'Add a device');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Scan this' }).waitFor();
});

/** Every kind of page, each with a name. */
async function pages(page, user) {
  const open = (path) => async () => { await page.goto(path); };
  return [
    ['sign-in', open(at('sign-in'))],
    ['dead-link', open(at('sign-in?link=unknown'))],
    ['users', open(at('users'))],
    ['nobody', open(at('users?q=nobody-of-this-name'))],
    ['not-understood', open(at('users?q=name:'))],
    ['user', async () => {
      await page.goto(user.page);
      for (const closed of await page.locator('summary').all()) await closed.click();
    }],
    ['ticket', async () => {
      await page.goto(user.page);
      await page.locator('form[action$="/ticket"] button').click();
      await page.locator('.code svg').waitFor();
      await page.waitForLoadState();
    }],
    ['passkeys', open(at('passkeys?welcome=1'))],
    ['not-found', open(at('users/nobody'))],
  ];
}

for (const [scheme, locale] of [['light', 'en-GB'], ['dark', 'ja-JP']]) {
  test(`axe-core finds nothing wrong (${scheme}, ${locale})`, async () => {
    const user = await personWithPhone('Aki Checked');
    await asks(user, 'Pay 25.00', 'deny');
    const page = await signedIn({ colorScheme: scheme, locale, viewport: PHONE });
    for (const [name, show] of await pages(page, user)) {
      await show();
      await isAccessible(page, name);
    }
  });
}

test('nothing has to be scrolled sideways, down to 320 pixels', async () => {
  const user = await personWithPhone('Longname-of-a-person-that-does-not-wrap-by-itself Verylongfamilyname');
  await asks(user, 'Pay 25.00 and a message of the largest size', 'allow');
  const page = await signedIn({ viewport: { width: 320, height: 640 } });
  for (const [name, show] of await pages(page, user)) {
    await show();
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth) <= 320, name);
  }
});

test('no page asked for anything that its policy refuses, and no program failed', () => {
  assert.deepEqual(complaints, []);
});
