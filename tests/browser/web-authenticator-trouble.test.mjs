// What can go wrong with the web authenticator: the network, the clock, other people's texts.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test, { after } from 'node:test';

import { enrolls, home, isServed, opens, personAt, ticketFor } from './lib/authenticator.mjs';
import { close, complaints, reads, text, window } from './lib/chromium.mjs';
import { asks, gets, manages, person, takesBack } from './lib/house.mjs';
import { encoded, shown } from './lib/stand-in.mjs';

after(close);

// O426: one letter of the words, another key, another kind of JWS: nothing is shown.
test('words that were changed on their way are not shown', async () => {
  for (const tamper of [
    (jws) => { const [head, body, signature] = jws.split('.'); return [head, encoded(Buffer.from(body, 'base64url').toString().replace('the book', 'the boat')), signature].join('.'); },
    (jws) => jws.slice(0, -8) + (jws.endsWith('AAAAAAAA') ? 'BBBBBBBB' : 'AAAAAAAA'),
    (jws) => jws.split('.').slice(0, 2).join('.') + '.',
    () => 'not.a.jws',
  ]) {
    const { page, state, enter } = await shown({});
    state.tamper = tamper;
    await enter();
    await page.getByText('A request was not shown').waitFor();
    assert.doesNotMatch(await text(page), /Pay the/);
    assert.equal(await page.locator('#waiting a').count(), 0);
    await page.context().close();
  }
});

// O426: signed, but for somebody else, or more than this app understands.
test('words that are not for this device are not shown', async () => {
  for (const change of [{ request: 'cns_another' }, { user: 'auth0|another' }, { v: 2 }, { match: { style: 'draw' } },
    { user_verification: 'perhaps' }, { client: 'Book shop' }, { display: undefined }]) {
    const { page, enter } = await shown(change);
    await enter();
    await page.getByText('A request was not shown').waitFor();
    assert.doesNotMatch(await text(page), /Pay the book/);
    await page.context().close();
  }
});

// O428: nothing that was sent becomes an element, turns what is around it, or leaves the screen.
test('texts of others are only ever text', async () => {
  const markup = '<img src=x onerror="document.title=1"><b>Pay</b>';
  const { page, enter } = await shown({
    binding_message: `Pay \u202e00.1$ \u2066x\u200b ${markup}`,
    client: { id: 'x', name: '<script>alert(1)</script> \u202eknaB', domain: null },
    scope: [{ value: 'pay', description: `${'😀'.repeat(64)}` }],
    display: { locale: 'en', lines: [markup, 'W'.repeat(400)] },
    authorization_details: [{ type: 'payment', instructed: { amount: '24800', currency: 'JPY' }, creditorName: markup, when: '2026-11-24T09:30:00Z',
      a: { b: { c: { d: { e: { f: { g: 1 } } } } } }, ['k'.repeat(120)]: 'v'.repeat(900) }],
    context: { place: markup, device: 'مرحبا' },
  }, { viewport: { width: 320, height: 640 } });
  await enter();
  await opens(page);
  const said = await text(page);
  assert.ok(said.includes(markup) && said.includes('[U+202E]') && said.includes('[U+200B]') && said.includes('[U+2066]'), said);
  assert.ok(!said.includes('\u202e'));
  assert.ok(said.includes('😀'.repeat(64)) && said.includes('W'.repeat(400)));
  assert.equal(await page.locator('main img, main b, main script').count(), 0);
  await page.locator('summary', { hasText: 'All details' }).click();
  for (const part of [/¥24,800/, /24 Nov 2026/, /creditor Name/]) await reads(page, part);
  assert.ok((await text(page)).includes('v'.repeat(900)));
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth) <= 320, 'nothing is cut off sideways');
  assert.equal(await page.locator('bdi', { hasText: markup }).first().evaluate((one) => getComputedStyle(one).unicodeBidi), 'isolate');
  assert.notEqual(await page.title(), '1');
});

// O427: signed and kept without a network; sent when there is one, although the app was closed.
test('an answer without a network is sent later', async () => {
  const { user, page } = await personAt('Jun Offline');
  await isServed(page);
  const id = await asks(user, 'Pay 41.00');
  await opens(page);
  await page.context().setOffline(true);
  await page.locator('#approve').click();
  await page.getByRole('heading', { name: 'Not sent yet' }).waitFor();
  await page.getByText('The server cannot be reached.').waitFor();
  assert.equal(await gets(id), 'authorization_pending');
  await page.reload();
  await page.getByRole('heading', { name: 'Not sent yet' }).waitFor();
  await page.context().setOffline(false);
  await page.getByRole('heading', { name: 'Approved' }).waitFor();
  await page.locator('#back').click();
  await page.locator('.banner').waitFor({ state: 'hidden' });
});

// O427: taken back, and too late, while the person looks at it.
test('a request that ends while it is looked at says how', async () => {
  const { user, page } = await personAt('Kai Ends');
  const id = await asks(user, 'Pay 42.00');
  await opens(page);
  await takesBack(id);
  await page.getByRole('heading', { name: 'Taken back' }).waitFor();
  assert.equal(await page.locator('#approve').count(), 0);

  const late = await shown({});
  await late.page.clock.install();
  await late.enter();
  await opens(late.page);
  await late.page.clock.fastForward('05:00');
  await late.page.getByRole('heading', { name: 'Too late' }).waitFor();
  await late.page.getByText('Nothing was approved.').waitFor();
});

// O427: told when it matters, for those who listen.
test('the time that is left is told', async () => {
  const end = Math.floor(Date.now() / 1000) + 3_600;
  const { page, enter } = await shown({ expires_at: end });
  await page.clock.install();
  await enter();
  await opens(page);
  await page.clock.pauseAt((end - 70) * 1_000);
  await page.clock.runFor(20_000);
  await page.locator('#told', { hasText: '60 seconds left' }).waitFor({ state: 'attached' });
});

// O427: three minutes fast: said, corrected, and the answer still counts.
test('a clock that is off is told and made good', async () => {
  const user = await person('Leo Clock');
  const page = await window();
  await page.clock.install({ time: Date.now() + 3 * 60_000 });
  await enrolls(page, user);
  const id = await asks(user, 'Pay 43.00');
  await opens(page);
  await page.getByText('Your clock is 3 minutes off: it is fast.').waitFor();
  await page.locator('#approve').click();
  await page.getByRole('heading', { name: 'Approved' }).waitFor();
  assert.notEqual(await gets(id), 'authorization_pending');
});

// O427: the server forgot it, or the browser did.
test('a device that is not known, and a browser that was cleared, are told to enroll again', async () => {
  const { user, page } = await personAt('Mio Lost');
  const [{ id }] = await manages('GET', `users/${encodeURIComponent(user.user_id)}/enrollments`);
  await manages('DELETE', `guardian/enrollments/${id}`);
  await page.getByText('This device is no longer known').waitFor();
  await page.getByRole('link', { name: 'Enroll again' }).click();
  await page.locator('#code').waitFor();
  await page.goto(home);
  await page.getByRole('button', { name: 'Remove from here' }).click();
  await page.getByText('This device is no longer known').waitFor({ state: 'detached' });

  await enrolls(page, user);
  const developer = await page.context().newCDPSession(page);
  await page.goto('about:blank');
  await developer.send('Storage.clearDataForOrigin', { origin: new URL(home).origin, storageTypes: 'all' });
  await page.goto(home);
  await page.getByText('this browser’s storage was cleared').waitFor();

  const closed = await window();
  await closed.addInitScript(() => { Object.defineProperty(IDBFactory.prototype, 'open', { value() { throw new DOMException('no', 'SecurityError'); } }); });
  await closed.goto(home);
  await closed.getByText('This browser keeps nothing').waitFor();
});

// O427: ten thousand wait; the newest are read, the others told of.
test('more requests than anybody reads are no trouble', async () => {
  const { page, enter } = await shown({});
  let reads = 0;
  const names = Array.from({ length: 10_000 }, (_, at) => `cns_${String(at).padStart(22, '0')}`);
  await page.route('**/device/v1/requests?*', (route) => route.fulfill({ json: { requests: names.slice(0, 20).map((request) => ({ request })), next: 'x' } }));
  await page.route('**/device/v1/events', (route) => route.fulfill({
    contentType: 'text/event-stream', body: names.map((request) => `event: request\ndata: {"request":"${request}"}\n\n`).join(''),
  }));
  await page.route(/requests\/cns_0/, (route) => { reads += 1; return route.fallback(); });
  await enter();
  await page.getByText('More requests are waiting.').waitFor();
  await page.locator('#waiting a').nth(19).waitFor();
  assert.equal(await page.locator('#waiting a').count(), 20);
  assert.ok(reads < 40, `${reads} were read`);
});

// O429: no is an answer; requests come all the same.
test('permission refused for notifications is told', async () => {
  const { user, page } = await personAt('Nao Quiet', { serviceWorkers: 'allow' });
  await page.route('**/device/v1/configuration', async (route) => {
    const answer = await route.fetch();
    await route.fulfill({ response: answer, json: { ...await answer.json(), web_push: { public_key: `B${'A'.repeat(86)}` } } });
  });
  await page.addInitScript(() => { Notification.requestPermission = async () => 'denied'; Object.defineProperty(Notification, 'permission', { get: () => 'denied' }); });
  await page.goto(`${home}#/settings`);
  await page.reload();
  await page.getByText('Notifications are blocked for this site').waitFor();
  await page.goto(`${home}#/`);
  await asks(user, 'Pay 44.00');
  await opens(page);
});

// O425: the receipt that the decision's answer names, as the person's own file.
test('the receipt of an answer is saved', async () => {
  const { page, enter } = await shown({});
  await page.route('**/receipts/txn_1', async (route) => {
    const proof = route.request().headers()['device-proof'] ?? '';
    assert.equal(JSON.parse(Buffer.from(proof.split('.')[1], 'base64url').toString()).htm, 'GET');
    await route.fulfill({ contentType: 'application/jwt', body: 'a.b.c' });
  });
  await enter();
  await opens(page);
  await page.locator('#approve').click();
  const [download] = await Promise.all([page.waitForEvent('download'), page.locator('#receipt').click()]);
  assert.equal(download.suggestedFilename(), 'receipt-txn_1.jwt');
  assert.equal(readFileSync(await download.path(), 'utf8'), 'a.b.c');
});

// O433: the settings of this device.
test('a device is renamed and forgotten', async () => {
  const { user, page } = await personAt('Oki Rename');
  const enrolled = () => manages('GET', `users/${encodeURIComponent(user.user_id)}/enrollments`);
  await page.goto(`${home}#/settings`);
  await page.getByLabel('Name of this device').fill('Kitchen tablet');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.locator('#told', { hasText: 'Saved.' }).waitFor({ state: 'attached' });
  assert.equal((await enrolled())[0].name, 'Kitchen tablet');
  await page.locator('summary', { hasText: 'Forget this device' }).click();
  await page.getByRole('button', { name: 'Forget this device', exact: true }).click();
  await page.locator('#told', { hasText: 'This device was forgotten.' }).waitFor({ state: 'attached' });
  assert.equal((await enrolled()).length, 0);
});

// O471: the settings ask the server first; whoever went on meanwhile is not fetched back.
test('a screen that was left is not drawn over the next one', async () => {
  const { page } = await personAt('Otto Left', { serviceWorkers: 'block' });
  let release = () => {};
  const held = new Promise((resolve) => { release = resolve; });
  await page.route('**/device/v1/configuration', async (route) => { await held; await route.continue(); });
  const asked = page.waitForRequest('**/device/v1/configuration');
  await page.goto(`${home}#/settings`);
  await asked;
  await page.goto(`${home}#/history`);
  await page.getByRole('heading', { name: 'History' }).waitFor();
  const answered = page.waitForResponse('**/device/v1/configuration').then((answer) => answer.finished());
  release();
  await answered;
  await page.evaluate(() => new Promise((resolve) => { setTimeout(resolve, 0); }));
  assert.equal(await page.locator('h1').innerText(), 'History');
});

// O433: two people at one server, each with a key of their own.
test('several accounts live in one browser', async () => {
  const { user, page } = await personAt('Pia First');
  const second = await person('Quin Second');
  await page.goto(`${home}#enroll=${await ticketFor(second)}`);
  await page.locator('#add').click();
  await page.locator('#to-inbox').click();
  await asks(user, 'Pay 51.00');
  await asks(second, 'Pay 52.00');
  await page.locator('#waiting').getByText('Pay 52.00').waitFor();
  await page.locator('#waiting').getByText('Pay 51.00').click();
  await page.locator('#approve').waitFor();
  assert.ok((await text(page)).includes(user.user_id));
});

test('no page asked for anything that its policy refuses, and no program failed', () => {
  assert.deepEqual(complaints, []);
});
