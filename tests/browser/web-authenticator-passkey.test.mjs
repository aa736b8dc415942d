// An answer that a passkey confirms, with Chromium's virtual authenticator.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import test, { after } from 'node:test';

import { home, opens, ticketFor } from './lib/authenticator.mjs';
import { close, complaints, window, withAuthenticator } from './lib/chromium.mjs';
import { person } from './lib/house.mjs';
import { decided, shown } from './lib/stand-in.mjs';

after(close);

/** An authenticator of the page's own with one passkey; its id. */
async function withPasskey(page) {
  const { devices, authenticatorId } = await withAuthenticator(page);
  const id = await page.evaluate(async () => (await navigator.credentials.create({ publicKey: {
    challenge: new Uint8Array(32), rp: { id: 'localhost', name: 'x' }, user: { id: new Uint8Array(8), name: 'x', displayName: 'x' },
    pubKeyCredParams: [{ type: 'public-key', alg: -7 }],
  } })).id);
  return { id, devices, authenticatorId };
}

async function asked() {
  const world = await shown({ user_verification: 'required' });
  await world.enter();
  const { id, devices, authenticatorId } = await withPasskey(world.page);
  await world.page.route('**/device/v1/passkeys', (route) => route.fulfill({ json: { rp_id: 'localhost', passkeys: [{ id, name: 'x' }] } }));
  await opens(world.page);
  await world.page.getByText('you confirm with your passkey').waitFor();
  return { ...world, id, verifies: (isUserVerified) => devices.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified }) };
}

// O434: the challenge is the hash of what is signed, so device, match, words and answer are bound.
test('an approval that demands it is confirmed by a passkey', async () => {
  const { page, sent, id } = await asked();
  await page.locator('#approve').click();
  await page.getByRole('heading', { name: 'Approved' }).waitFor();
  const [{ decision, passkey }] = sent;
  assert.equal(passkey.id, id);
  const client = JSON.parse(Buffer.from(passkey.response.clientDataJSON, 'base64url').toString());
  const input = decision.slice(0, decision.lastIndexOf('.'));
  assert.equal(client.challenge, createHash('sha256').update(`aizuchi-decision\0${input}`).digest('base64url'));
  assert.equal(client.type, 'webauthn.get');
  const flags = Buffer.from(passkey.response.authenticatorData, 'base64url')[32];
  assert.ok(flags & 0x04, 'the person was verified');
});

// O434: nothing is sent without it; a denial needs none.
test('without the passkey nothing is approved, and a denial needs none', async () => {
  const { page, sent, verifies } = await asked();
  await verifies(false);
  await page.locator('#approve').click();
  await page.getByText('The passkey did not confirm this.').waitFor();
  assert.equal(sent.length, 0);
  await page.locator('#deny').click();
  await page.getByRole('heading', { name: 'Denied' }).waitFor();
  assert.deepEqual([decided(sent[0]).decision, sent[0].passkey], ['deny', undefined]);
});

// O434: made under the ticket of the enrollment, and sent with it.
test('a passkey is made while the device is added', async () => {
  const user = await person('Yua Passkey');
  const page = await window({ serviceWorkers: 'block' });
  await page.route('**/device/v1/configuration', async (route) => {
    const answer = await route.fetch();
    await route.fulfill({ response: answer, json: { ...await answer.json(), passkeys: true } });
  });
  const options = {
    challenge: Buffer.alloc(32, 7).toString('base64url'), rp: { id: 'localhost', name: 'Aizuchi' }, pubKeyCredParams: [{ type: 'public-key', alg: -7 }],
    user: { id: 'AAAA', name: 'yua', displayName: 'Yua' }, authenticatorSelection: { userVerification: 'required' },
  };
  let wanted;
  let sent;
  await page.route('**/device/v1/passkeys/options', (route) => {
    wanted = route.request().postDataJSON();
    return route.fulfill({ json: { challenge: 'ceremony', options } });
  });
  await page.route('**/device/v1/enrollments', async (route) => {
    sent = route.request().postDataJSON();
    return route.fulfill({ response: await route.fetch({ postData: JSON.stringify({ ...sent, passkey: undefined }) }) });
  });
  const { devices, authenticatorId } = await withAuthenticator(page);
  await page.goto(`${home}#enroll=${await ticketFor(user)}`);
  await devices.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: false });
  await page.getByLabel('Also make a passkey.').check();
  await page.locator('#add').click();
  await page.getByText('No passkey was made').waitFor();
  assert.equal(sent, undefined);
  await devices.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: true });
  await page.locator('#add').click();
  await page.locator('#key-code').waitFor();
  assert.equal(wanted.ticket, sent.ticket);
  assert.equal(sent.passkey.challenge, 'ceremony');
  assert.ok(sent.passkey.credential.response.attestationObject && sent.passkey.name);
});

test('no page asked for anything that its policy refuses, and no program failed', () => {
  assert.deepEqual(complaints, []);
});
