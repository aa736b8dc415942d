// The web authenticator against `aizuchi dev`: enrolled, asked, answered.
import assert from 'node:assert/strict';
import test, { after } from 'node:test';

import { enrolls, home, isServed, opens, personAt, ticketFor } from './lib/authenticator.mjs';
import { close, complaints, reads, text, window } from './lib/chromium.mjs';
import { asks, card, gets, manages, person, ticket } from './lib/house.mjs';

after(close);

// O424, D1: the key is made here, P-256, and nobody can take it out.
test('a link adds this browser, and the key cannot leave it', async () => {
  const user = await person('Asa Link');
  const page = await window();
  const code = await enrolls(page, user, 'Asas browser');
  assert.match(code, /^[A-Z2-7]{3}-[A-Z2-7]{3}$/);
  assert.ok(!page.url().includes('enroll'), page.url());
  const [key] = await page.evaluate(async () => {
    const all = await indexedDB.databases();
    const database = await new Promise((resolve) => { const asked = indexedDB.open(all[0].name); asked.onsuccess = () => resolve(asked.result); });
    const accounts = await new Promise((resolve) => { const asked = database.transaction('accounts').objectStore('accounts').getAll(); asked.onsuccess = () => resolve(asked.result); });
    return Promise.all(accounts.map(async ({ privateKey }) => ({
      extractable: privateKey.extractable, algorithm: privateKey.algorithm.namedCurve,
      exported: await crypto.subtle.exportKey('jwk', privateKey).then(() => 'exported', (error) => error.name),
    })));
  });
  assert.deepEqual(key, { extractable: false, algorithm: 'P-256', exported: 'InvalidAccessError' });
  const enrolled = await manages('GET', `users/${encodeURIComponent(user.user_id)}/enrollments`);
  assert.equal(enrolled.length, 1);
});

// O424: as its person does it: the page of a link, its button, "use this browser", one code on both.
test('the enrollment page hands over to this browser, and both show one code', async () => {
  const user = await person('Aya Page');
  const page = await window({ locale: 'ja-JP' });
  const link = new URL(await ticket(user));
  await page.goto(new URL(link.pathname + link.search, card.http).href);
  await page.locator('form button.button').first().click();
  const here = await page.locator('a[href*="#enroll="]').first().getAttribute('href');
  const app = await page.context().newPage();
  await app.goto(new URL(here ?? '', page.url()).href);
  await app.locator('#add').click();
  const code = await app.locator('#key-code').innerText();
  await page.bringToFront();
  await page.locator('#key-code').waitFor();
  assert.equal(await page.locator('#key-code').innerText(), code);
});

// O424: the bare code, the link, and the text of the code for Guardian apps all hold the ticket.
test('a code is pasted, in whatever form it comes', async () => {
  const user = await person('Ben Paste');
  for (const form of [(ticket) => ticket, (ticket) => ` ${home}#enroll=${ticket}\n`, (ticket) => `otpauth://totp/x?enrollment_tx_id=${ticket}&id=1`]) {
    const page = await window();
    await page.goto(home);
    await page.getByLabel('Code or link').fill(form(await ticketFor(user)));
    await page.locator('#add').click();
    await page.locator('#key-code').waitFor();
    await page.context().close();
  }
});

// O424: a dead code spends nothing and says what to do; a foreign link is not followed.
test('a code that does not work is told', async () => {
  const user = await person('Cho Dead');
  const page = await window();
  await page.goto(home);
  const says = async (code, sentence) => {
    await page.getByLabel('Code or link').fill(code);
    await page.locator('#add').click();
    await page.getByText(sentence).waitFor();
  };
  await says('', 'This is no code.');
  await says('A'.repeat(32), 'This code does not work');
  await says('https://evil.example/authenticator/#enroll=ABCDEFGHIJKL', 'belongs to another server');
  const ticket = await ticketFor(user);
  await page.getByLabel('Code or link').fill(ticket);
  await page.locator('#add').click();
  await page.locator('#key-code').waitFor();
  const other = await window();
  await other.goto(`${home}#enroll=${ticket}`);
  await other.locator('#add').click();
  await other.getByText('This code does not work').waitFor();
});

// O425: by the stream of events, without a push and without a touch.
test('a request appears by itself and is approved', async () => {
  const { user, page } = await personAt('Dai Yes');
  await page.getByText('Nothing is waiting').waitFor();
  const id = await asks(user, 'Pay 25.00, order 42');
  await opens(page);
  const said = await text(page);
  const order = ['Example Bank asks', 'No verified domain', 'Pay 25.00, order 42', 'Began', 'left', 'Deny', 'Approve', 'This wasn’t me'];
  const places = order.map((part) => said.replaceAll(/[\u2068\u2069]/g, '').indexOf(part));
  assert.ok(places.every((place, index) => place >= 0 && (index === 0 || place > places[index - 1])), `${places}: ${said}`);
  assert.equal(await gets(id), 'authorization_pending');
  await page.locator('#approve').click();
  await page.getByRole('heading', { name: 'Approved' }).waitFor();
  assert.equal(await page.evaluate(() => document.activeElement?.id), 'outcome');
  assert.equal(await page.evaluate(() => performance.getEntriesByName('signing').length), 1);
});

// O431: what signing an answer costs is told; what it may cost stands in docs/performance.md.
test('signing an answer is measured', async (context) => {
  const { user, page } = await personAt('Eiko Quick');
  await asks(user, 'Pay 25.10');
  await page.locator('#waiting a').waitFor();
  const { times, jws } = await page.evaluate(async () => {
    const program = document.querySelector('script[type=module]');
    const [{ prepared }, { signed }, { accounts, requests }] = await Promise.all(['answer.js', 'jose.js', 'state.js']
      .map((name) => import(new URL(name, program.src).href)));
    const [account] = accounts.values();
    const [kept] = requests.values();
    const all = [];
    let last;
    for (let round = 0; round < 21; round += 1) {
      const begun = performance.now();
      last = await signed(account.privateKey, await prepared(account, kept, { decision: 'approve' }));
      all.push(performance.now() - begun);
    }
    return { times: all.sort((one, other) => one - other), jws: last };
  });
  context.diagnostic(`signing: ${times[0].toFixed(1)} ms at best, ${times[10].toFixed(1)} ms in the middle`);
  assert.equal(jws.split('.').length, 3);
});

// O425: a no is a no.
test('a request is denied', async () => {
  const { user, page } = await personAt('Emi No');
  const id = await asks(user, 'Pay 26.00');
  await opens(page);
  await page.locator('#deny').click();
  await page.getByRole('heading', { name: 'Denied' }).waitFor();
  assert.equal(await gets(id), 'access_denied');
});

// O425: what else the client asks is taken back, and it asks in vain.
test('"this wasn\'t me" denies and reports', async () => {
  const { user, page } = await personAt('Fu Report');
  const first = await asks(user, 'Pay 27.00');
  await opens(page);
  const other = await asks(user, 'Pay 28.00');
  await page.locator('#wasnt-me').click();
  await page.locator('#report-it').click();
  await page.getByRole('heading', { name: 'Denied and reported' }).waitFor();
  assert.equal(await gets(first), 'access_denied');
  assert.equal(await gets(other), 'access_denied');
  await page.locator('#back').click();
  await page.getByText('Nothing is waiting').waitFor();
  const third = await asks(user, 'Pay 29.00').then((id) => gets(id), (error) => error.message);
  assert.match(third, /access_denied/);
});

// O425: every device is asked; who comes second is told.
test('a second device sees that the first has answered', async () => {
  const { user, page } = await personAt('Go Two');
  const other = await window();
  await enrolls(other, user, 'Second');
  await asks(user, 'Pay 30.00');
  await opens(page);
  await opens(other);
  await page.locator('#approve').click();
  await page.getByRole('heading', { name: 'Approved' }).waitFor();
  await other.getByRole('heading', { name: 'Answered elsewhere' }).waitFor();
});

// O425: what was decided is kept with its words.
test('the history shows what was decided, also without a network', async () => {
  const { user, page } = await personAt('Hana Past');
  await asks(user, 'Pay 31.00');
  await opens(page);
  await page.locator('#approve').click();
  await page.getByRole('heading', { name: 'Approved' }).waitFor();
  await isServed(page);
  await page.context().setOffline(true);
  await page.goto(`${home}#/history`);
  await page.reload();
  await page.locator('#over a').first().click();
  await page.locator('summary', { hasText: 'What was asked' }).click();
  await reads(page, /Pay 31\.00/);
  await page.context().setOffline(false);
});

// O429: the push says nothing of the request; the notification neither.
test('a push wakes, in general words, and the inbox has the request', async () => {
  const { user, page } = await personAt('Iro Push', { permissions: ['notifications'] });
  await isServed(page);
  const developer = await page.context().newCDPSession(page);
  const versions = new Promise((resolve) => {
    developer.on('ServiceWorker.workerRegistrationUpdated', ({ registrations }) => {
      const found = registrations.find(({ scopeURL }) => scopeURL === home);
      if (found) resolve(found.registrationId);
    });
  });
  await developer.send('ServiceWorker.enable');
  const registrationId = await versions;
  // No stream: it is asked for in vain, and only the push tells.
  await page.route('**/device/v1/events', (route) => route.abort());
  const id = await asks(user, 'Pay 32.00');
  const data = JSON.stringify({ kind: 'request', request: 'cns_AbCdEfGhIjKlMnOpQrStUv' });
  await developer.send('ServiceWorker.deliverPushMessage', { origin: new URL(home).origin, registrationId, data });
  const shown = async () => page.evaluate(async () => {
    const registration = await navigator.serviceWorker.ready;
    for (let tries = 0; tries < 1_000; tries += 1) {
      const all = await registration.getNotifications();
      if (all.length > 0) return all.map(({ title, body, data: kept, actions }) => ({ title, body, request: kept.request, actions: actions?.length ?? 0 }));
      await new Promise((resolve) => { setTimeout(resolve, 50); });
    }
    return [];
  });
  assert.deepEqual(await shown(), [{
    title: 'A request is waiting', body: 'Open the authenticator to read it.', request: 'cns_AbCdEfGhIjKlMnOpQrStUv', actions: 0,
  }]);
  await opens(page);
  await page.locator('#deny').click();
  await page.getByRole('heading', { name: 'Denied' }).waitFor();
  assert.equal(await gets(id), 'access_denied');
});

// O429: the subscription is told to the server for the account, and taken back. The push service is made
// here: Debian's Chromium has none.
test('notifications are turned on and off', async () => {
  const { page } = await personAt('Jin Bell', { permissions: ['notifications'] });
  const point = Buffer.from(await crypto.subtle.exportKey('raw', (await crypto.subtle.generateKey({ name: 'ECDH', namedCurve: 'P-256' }, true, ['deriveBits'])).publicKey));
  await page.route('**/device/v1/configuration', async (route) => {
    const answer = await route.fetch();
    await route.fulfill({ response: answer, json: { ...await answer.json(), web_push: { public_key: point.toString('base64url') } } });
  });
  await page.addInitScript((key) => {
    const bytes = Uint8Array.from(atob(key), (letter) => letter.charCodeAt(0));
    let kept = null;
    const made = (options) => ({
      endpoint: 'https://push.example/one', options, getKey: (name) => (name === 'auth' ? new Uint8Array(16).buffer : bytes.buffer),
      unsubscribe: async () => { kept = null; return true; },
    });
    PushManager.prototype.getSubscription = async () => kept;
    PushManager.prototype.subscribe = async (options) => { kept = made(options); return kept; };
    Notification.requestPermission = async () => 'granted';
  }, point.toString('base64'));
  await page.goto(`${home}#/settings`);
  await page.reload();
  const changed = (kind) => page.waitForResponse((answer) => answer.request().method() === 'PATCH' && answer.request().postDataJSON().channel?.kind === kind);
  const [on] = await Promise.all([changed('web_push'), page.locator('#push-on').click()]);
  assert.equal(on.status(), 200);
  assert.deepEqual(Object.keys(on.request().postDataJSON().channel).sort(), ['auth', 'endpoint', 'kind', 'p256dh']);
  const [off] = await Promise.all([changed('none'), page.locator('#push-off').click()]);
  assert.equal(off.status(), 200);
  await page.locator('#push-on').waitFor();
});

// O429: the click opens the request; the notification itself answers nothing.
test('a notification opens the request', async () => {
  const { user, page } = await personAt('Jo Notice', { permissions: ['notifications'] });
  await isServed(page);
  const id = await asks(user, 'Pay 33.00');
  const request = await page.locator('#waiting a').getAttribute('id');
  const worker = page.context().serviceWorkers()[0] ?? await page.context().waitForEvent('serviceworker');
  await worker.evaluate(async (name) => {
    await self.registration.showNotification('x', { data: { request: name }, tag: name });
    const [notification] = await self.registration.getNotifications({ tag: name });
    self.dispatchEvent(new NotificationEvent('notificationclick', { notification }));
  }, request);
  await page.locator('#approve').waitFor();
  assert.ok(page.url().endsWith(`#/request/${request}`), page.url());
  assert.equal(await gets(id), 'authorization_pending');
});

// O425: two windows of one browser are one device.
test('a second window of the same browser shows the same', async () => {
  const { user, page } = await personAt('Ken Windows');
  const other = await page.context().newPage();
  await other.goto(home);
  await asks(user, 'Pay 34.00');
  await opens(other);
  await opens(page);
  await page.locator('#deny').click();
  await page.getByRole('heading', { name: 'Denied' }).waitFor();
  await other.getByRole('heading', { name: 'Denied' }).waitFor();
});

// O424: the camera's picture and what is read in it are made here: Debian's Chromium reads no codes.
test('a code is scanned', async () => {
  const user = await person('Lia Scan');
  const page = await window();
  const ticketText = await ticketFor(user);
  await page.addInitScript((text) => {
    globalThis.BarcodeDetector = class {
      static async getSupportedFormats() { return ['qr_code']; }
      times = 0;
      async detect() { this.times += 1; return [{ rawValue: this.times < 3 ? 'not a ticket' : `https://localhost/authenticator/#enroll=${text}` }]; }
    };
    navigator.mediaDevices.getUserMedia = async () => { globalThis.camera = document.createElement('canvas').captureStream(); return globalThis.camera; };
    HTMLMediaElement.prototype.play = async () => undefined;
  }, ticketText);
  await page.goto(home);
  await page.locator('#scan').click();
  await page.waitForFunction(() => document.querySelector('#code')?.value.includes('#enroll='));
  assert.deepEqual(await page.evaluate(() => globalThis.camera.getTracks().map((track) => track.readyState)), ['ended']);
  await page.locator('#code').fill(ticketText);
  await page.locator('#add').click();
  await page.locator('#key-code').waitFor();
});

test('no page asked for anything that its policy refuses, and no program failed', () => {
  assert.deepEqual(complaints, []);
});
