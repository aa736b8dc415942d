// An answer that a passkey confirms, with Chromium's virtual authenticator.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import test, { after } from 'node:test';

import { opens } from './lib/authenticator.mjs';
import { close, complaints } from './lib/chromium.mjs';
import { decided, shown } from './lib/stand-in.mjs';

after(close);

/** An authenticator with one passkey; its id. */
async function withPasskey(page) {
  const devices = await page.context().newCDPSession(page);
  await devices.send('WebAuthn.enable');
  const options = {
    protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true,
    isUserVerified: true, automaticPresenceSimulation: true,
  };
  const { authenticatorId } = await devices.send('WebAuthn.addVirtualAuthenticator', { options });
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

test('no page asked for anything that its policy refuses, and no program failed', () => {
  assert.deepEqual(complaints, []);
});
