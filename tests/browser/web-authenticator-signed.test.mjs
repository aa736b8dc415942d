// What the web authenticator signs, judged by the server itself: numbers, passkeys, receipts.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import test, { after } from 'node:test';

import { home, opens, personAt, ticketFor } from './lib/authenticator.mjs';
import { close, complaints, window, withAuthenticator } from './lib/chromium.mjs';
import { aizuchi, begins, card, gets, manages, person, shop } from './lib/house.mjs';

after(close);

const other = (code) => String((Number(code) + 11) % 90 + 10);

// O432: the number of the acknowledgement, typed; a wrong one first.
test('the number that the shop shows is typed', async () => {
  const client = await shop('Number Shop');
  const { user, page } = await personAt('Rei Number');
  const { auth_req_id: id, match_code: code } = await begins(client, user, { binding_message: 'Pay 71.00', match: 'true' });
  await opens(page);
  await page.locator('#match').fill(other(code));
  await page.locator('#approve').click();
  await page.getByText('That is not the number.').waitFor();
  assert.equal(await gets(id, client), 'authorization_pending');
  await page.locator('#match').fill(code);
  await page.locator('#approve').click();
  await page.getByRole('heading', { name: 'Approved' }).waitFor();
});

// O432: the second wrong number denies, and it says so.
test('two wrong numbers deny the request', async () => {
  const client = await shop('Number Shop 2');
  const { user, page } = await personAt('Saki Number');
  const { auth_req_id: id, match_code: code } = await begins(client, user, { binding_message: 'Pay 72.00', match: 'true' });
  await opens(page);
  for (const sentence of ['That is not the number.', 'the numbers differ']) {
    await page.locator('#match').fill(other(code));
    await page.locator('#approve').click();
    await page.getByText(sentence).first().waitFor();
  }
  assert.equal(await gets(id, client), 'access_denied');
});

const claimsOf = (jws) => JSON.parse(Buffer.from(jws.split('.')[1], 'base64url').toString());

// O425: what is saved is the receipt, whole: the words, and the decision with this device.
test('a saved receipt is the server\'s, with the words and the answer', async () => {
  const client = await shop('Receipt Shop');
  const { user, page } = await personAt('Taro Receipt');
  await begins(client, user, { binding_message: 'Pay 73.00' });
  await opens(page);
  await page.locator('#approve').click();
  const [download] = await Promise.all([page.waitForEvent('download'), page.locator('#receipt').click()]);
  const [jws, ...parts] = readFileSync(await download.path(), 'utf8').trim().split('~');
  const { typ } = JSON.parse(Buffer.from(jws.split('.')[0], 'base64url').toString());
  assert.equal(typ, 'aizuchi-receipt+jwt');
  const { content, decided, iss } = claimsOf(jws);
  assert.deepEqual([claimsOf(content).binding_message, decided, iss], ['Pay 73.00', 'approve', card.issuer]);
  const told = Object.fromEntries(parts.filter(Boolean).map((part) => JSON.parse(Buffer.from(part, 'base64url').toString()).slice(1)));
  assert.equal(claimsOf(told.decision).decision, 'approve');
  assert.ok(told.device.id.startsWith('dev_'));
  const keys = `${await download.path()}.jwks`;
  writeFileSync(keys, await (await fetch(`${card.issuer}.well-known/jwks.json`)).text());
  assert.match(await aizuchi('verify', 'receipt', await download.path(), '--jwks', keys), /Pay 73\.00/);
});

// O434: made with the enrollment, and judged by the server when a request demands it.
test('a passkey is made with the device and confirms what the server demands', async () => {
  const client = await shop('Passkey Shop', { passkey_required: true });
  const user = await person('Umi Passkey');
  const page = await window();
  await withAuthenticator(page);
  await page.goto(`${home}#enroll=${await ticketFor(user)}`);
  await page.getByLabel('Also make a passkey.').check();
  await page.locator('#add').click();
  await page.locator('#to-inbox').click();
  const { auth_req_id: id } = await begins(client, user, { binding_message: 'Pay 74.00' });
  await opens(page);
  await page.getByText('you confirm with your passkey').waitFor();
  await page.locator('#approve').click();
  await page.getByRole('heading', { name: 'Approved' }).waitFor();
  assert.equal(await gets(id, client), 'tokens');
});

// O504: the first passkey by a code of the enrollment page, which it spends; the next one by the first.
test('passkeys are added in the settings', async () => {
  const client = await shop('Passkey Shop 2', { passkey_required: true });
  const { user, page } = await personAt('Uta Passkey');
  const { devices, authenticatorId: first } = await withAuthenticator(page);
  const lists = () => manages('GET', `users/${encodeURIComponent(user.user_id)}/authentication-methods`)
    .then((methods) => methods.filter(({ type }) => type === 'passkey').length);
  const add = page.getByRole('button', { name: 'Add a passkey' });
  await page.goto(`${home}#/settings`);
  await page.locator('.passkeys summary').click();
  await add.click();
  await page.getByText('This is no code.').waitFor();
  const code = await ticketFor(user);
  await page.locator('.passkeys input').fill(code);
  await add.click();
  await page.getByText('1 passkey').waitFor();
  assert.equal(await lists(), 1);
  // Another key is plugged in to be registered, and the first one once more to confirm it.
  const { credentials: [credential] } = await devices.send('WebAuthn.getCredentials', { authenticatorId: first });
  await devices.send('WebAuthn.removeVirtualAuthenticator', { authenticatorId: first });
  const { authenticatorId: second } = await withAuthenticator(page, devices);
  await page.exposeFunction('plugFirst', async () => {
    await devices.send('WebAuthn.removeVirtualAuthenticator', { authenticatorId: second });
    const { authenticatorId } = await withAuthenticator(page, devices);
    await devices.send('WebAuthn.addCredential', { authenticatorId, credential });
  });
  await page.evaluate(() => {
    const get = navigator.credentials.get.bind(navigator.credentials);
    navigator.credentials.get = async (options) => { await globalThis.plugFirst(); navigator.credentials.get = get; return get(options); };
  });
  await page.locator('.passkeys summary').click();
  assert.equal(await page.locator('.passkeys input').count(), 0);
  await add.click();
  await page.getByText('2 passkeys').waitFor();
  assert.equal(await lists(), 2);
  const other = await window();
  await other.goto(`${home}#enroll=${code}`);
  await other.locator('#add').click();
  await other.getByText('This code does not work').waitFor();
  const { auth_req_id: id } = await begins(client, user, { binding_message: 'Pay 75.00' });
  await page.goto(`${home}#/`);
  await opens(page);
  await page.locator('#approve').click();
  await page.getByRole('heading', { name: 'Approved' }).waitFor();
  assert.equal(await gets(id, client), 'tokens');
});

test('no page asked for anything that its policy refuses, and no program failed', () => {
  assert.deepEqual(complaints, []);
});
