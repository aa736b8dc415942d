// The asker's picture in the web authenticator: the bytes that were signed, or the first letter.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import test, { after } from 'node:test';

import { opens } from './lib/authenticator.mjs';
import { close, complaints, isAccessible } from './lib/chromium.mjs';
import { root } from './lib/house.mjs';
import { shown } from './lib/stand-in.mjs';

after(close);

const picture = (name) => readFileSync(`${root}web/authenticator/icons/${name}.png`);
const named = (bytes) => {
  const sha256 = createHash('sha256').update(bytes).digest('base64url');
  return { path: `device/v1/logos/${sha256}`, sha256 };
};
const signed = picture('192');

/** A request whose words name this picture, and a server that answers these bytes; what it was asked for. */
async function asked(logo, answer, options) {
  const stage = await shown({ logo }, options);
  const calls = [];
  await stage.page.route('**/device/v1/logos/**', (route) => {
    calls.push(new URL(route.request().url()).pathname);
    return route.fulfill(answer);
  });
  await stage.enter();
  return { ...stage, calls };
}

const png = (body) => ({ status: 200, contentType: 'image/png', body });
const place = (page) => page.locator('.asker .logo');

// O484: in the list and on the screen of the request, in a place that does not change.
test('the picture that was signed is shown beside the name', async () => {
  const { page, calls } = await asked(named(signed), png(signed));
  await page.locator('#waiting .logo[data-logo=shown] img').waitFor();
  await opens(page);
  await page.locator('.asker .logo[data-logo=shown] img').waitFor();
  const image = place(page).locator('img');
  await image.evaluate((element) => element.decode());
  assert.deepEqual(await image.evaluate(({ naturalWidth, alt }) => ({ naturalWidth, alt })), { naturalWidth: 192, alt: '' });
  const { width, height } = await place(page).boundingBox();
  assert.deepEqual([width, height], [52, 52]);
  await page.locator('.asker .domain', { hasText: 'shop.example' }).waitFor();
  assert.deepEqual(calls, [`/${named(signed).path}`], 'one picture, fetched once');
  await isAccessible(page, 'a request with a picture');
});

for (const [what, logo, answer] of [
  ['other bytes than were signed', named(signed), png(picture('badge'))],
  ['one byte that was changed', named(signed), png(Buffer.concat([signed, Buffer.from([0])]))],
  ['a picture that the server does not have', named(signed), { status: 404, json: { code: 'not_found', message: '-' } }],
  ['bytes that are no picture', named(Buffer.from('<svg/>')), { status: 200, contentType: 'image/png', body: '<svg/>' }],
  ['a picture of another server', { ...named(signed), path: 'https://elsewhere.example/logo.png' }, png(signed)],
  ['a picture beside the tenant\'s paths', { ...named(signed), path: '//elsewhere.example/logo.png' }, png(signed)],
]) {
  // O484: whatever else comes, the first letter stays, in the same place.
  test(`${what}: not shown`, async () => {
    const { page } = await asked(logo, answer);
    await opens(page);
    await page.locator('.asker .logo[data-logo=withheld]').waitFor();
    assert.equal(await place(page).innerText(), 'B');
    assert.equal(await place(page).locator('img').count(), 0);
    const { width, height } = await place(page).boundingBox();
    assert.deepEqual([width, height], [52, 52]);
  });
}

// O484: the answer does not wait for a picture that does not come.
test('a picture that never comes holds nothing up', async () => {
  const { page, sent, enter } = await shown({ logo: named(signed) });
  await page.route('**/device/v1/logos/**', () => undefined);
  await enter();
  await opens(page);
  assert.equal(await place(page).innerText(), 'B');
  await page.locator('#approve').click();
  await page.getByRole('heading', { name: 'Approved' }).waitFor();
  assert.equal(sent.length, 1);
});

// O426, O484: a logo that cannot be understood is a content that cannot be.
test('a logo without a hash is no content', async () => {
  const { page } = await asked({ path: 'device/v1/logos/x' }, png(signed));
  await page.getByRole('heading', { name: 'A request was not shown' }).waitFor();
  assert.equal(await page.locator('#waiting').count(), 0);
});

test('no page asked for anything that its policy refuses, and no program failed', () => {
  assert.deepEqual(complaints, []);
});
