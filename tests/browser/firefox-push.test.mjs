// Real Web Push, all the way: Debian's Firefox subscribes at our push service, the server encrypts and signs,
// the service worker is woken, and the person is told.
import assert from 'node:assert/strict';
import test, { after } from 'node:test';

import { betweenPages, firefox } from './lib/firefox.mjs';
import { asks, card, gets, home, manages, person, ticketFor } from './lib/house.mjs';
import { forgets, pushes, services } from './lib/services.mjs';
import { until } from './lib/until.mjs';

const user = await person('Rei Firefox');
const browser = await firefox({ pushServer: services.browsers });
after(() => browser.stop());

const isReachable = async () => {
  const [device] = await manages('GET', `users/${encodeURIComponent(user.user_id)}/enrollments`);
  return device.reachable;
};
const notifications = () => browser.runs(async () => {
  const registration = await navigator.serviceWorker.ready;
  const all = await registration.getNotifications();
  return all.map(({ title, body, data, tag }) => ({ title, body, data, tag }));
}).catch(betweenPages);
/** What the push service has taken, once it is so many. */
const taken = async (count) => until(`${count} pushes`, async () => {
  const all = await pushes();
  return all.taken.length >= count && all;
});

// O500, O501: the browser's own subscription. Firefox asks the person whether the app may keep its data, and nobody answers.
test('a browser is added, and subscribes at its push service', async () => {
  await browser.goes(`${home}#enroll=${await ticketFor(user)}`);
  await browser.fills('#device-name', 'Rei’s Firefox');
  await browser.clicks('#add');
  assert.match(await browser.reads('#key-code'), /^[A-Z2-7]{3}-[A-Z2-7]{3}$/);
  await browser.goes(`${home}#/settings`);
  await browser.clicks('#push-on');
  await browser.sees('#push-off');
  const endpoint = await browser.runs(async () => {
    const registration = await navigator.serviceWorker.ready;
    return (await registration.pushManager.getSubscription()).endpoint;
  });
  assert.ok(endpoint.startsWith(`${services.push}wpush/v2/`), endpoint);
});

// O500: no page of the app is open; what the service worker decrypted is told in general words.
test('a request wakes a browser that has no page open, and is approved there', async () => {
  await browser.goes('about:blank');
  const id = await asks(user, 'Pay 35.00');
  const { taken: [push] } = await taken(1);
  assert.deepEqual([push.headers['content-encoding'], push.headers.urgency], ['aes128gcm', 'high']);
  const { web_push: { public_key: key } } = await (await fetch(`${card.issuer}device/v1/configuration`)).json();
  assert.match(push.headers.authorization, /^vapid t=[^,]+, ?k=/);
  assert.ok(push.headers.authorization.endsWith(`k=${key}`), push.headers.authorization);
  const said = await until('the browser says that it came', async () => (await pushes()).said[0]);
  assert.deepEqual(said.updates.map(({ code }) => code), [100]);
  await browser.goes(home);
  const [shown] = await until('a notification', async () => { const all = await notifications(); return all?.length > 0 && all; });
  const { request } = shown.data;
  assert.match(request, /^cns_/);
  assert.deepEqual(shown, {
    title: 'A request is waiting', body: 'Open the authenticator to read it.', data: { request }, tag: request,
  });
  await browser.clicks('#waiting a');
  await browser.sees('#approve');
  assert.match(await browser.reads('main'), /Pay 35\.00/);
  await browser.clicks('#approve');
  await until('it is approved', async () => (await browser.reads('h1')) === 'Approved');
  assert.equal(await gets(id), 'tokens');
  assert.deepEqual((await pushes()).said.filter(({ messageType }) => messageType === 'nack'), []);
});

// O502: 410 is the end of a subscription; the person is asked all the same.
test('a subscription that its service has forgotten is dropped, and a request still comes', async () => {
  assert.equal(await isReachable(), true);
  const { taken: [{ token }] } = await pushes();
  await forgets(token);
  const id = await asks(user, 'Pay 36.00');
  await until('the device is shown as not reachable', async () => !(await isReachable()));
  await browser.clicks('#back');
  await browser.clicks('#waiting a');
  await browser.clicks('#deny');
  await until('it is denied', async () => (await browser.reads('h1')) === 'Denied');
  assert.equal(await gets(id), 'access_denied');
  assert.equal((await pushes()).taken.length, 1);
});
