// What somebody does in their first five minutes: the card of `aizuchi dev`, a browser, nothing else.
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import test, { after } from 'node:test';

import { close, complaints, PHONE, window } from './lib/chromium.mjs';
import { aizuchi, card } from './lib/house.mjs';

after(close);

// O510: the page of the card, "use this browser", `aizuchi ask`, yes, a receipt that holds without the server.
test('a browser becomes the phone of the sample user, answers, and can prove it', async () => {
  const page = await window({ viewport: PHONE });
  await page.goto(card.enrollment);
  await page.getByRole('button', { name: 'Agree and show' }).click();
  await page.getByRole('link', { name: 'Use this browser' }).click();
  await page.getByRole('button', { name: 'Add this device' }).click();
  await page.locator('#to-inbox').click();
  await page.getByRole('heading', { name: 'Requests' }).waitFor();

  const asked = aizuchi('ask', '--issuer', card.issuer, '--ca', card.ca_file, '--json', '--user', card.user.user_id,
    '--client-id', card.client.client_id, `--client-secret=${card.client.client_secret}`, '--message', 'Pay 20 EUR');
  await page.locator('#waiting a', { hasText: 'Pay 20 EUR' }).click();
  await page.getByRole('button', { name: 'Approve' }).click();
  await page.getByRole('heading', { name: 'Approved' }).waitFor();
  assert.equal(JSON.parse(await asked).token_type, 'Bearer');

  const saving = page.waitForEvent('download');
  await page.getByText('Save the receipt').click();
  const receipt = await (await saving).path();
  const keys = `${receipt}.jwks.json`;
  await writeFile(keys, await (await fetch(`${card.issuer}.well-known/jwks.json`)).text());
  const told = await aizuchi('verify', 'receipt', receipt, '--jwks', keys);
  assert.match(told, /^holds /);
  assert.ok(told.includes(`approved by ${card.user.user_id}`) && told.includes('Pay 20 EUR'), told);
});

test('no page of the first steps asked for anything that its policy refuses, and no program failed', () => {
  assert.deepEqual(complaints, []);
});
