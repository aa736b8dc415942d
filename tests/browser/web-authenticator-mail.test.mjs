// The link of a wake-up mail, as it arrives at a mail server, opened where the person's device is.
import assert from 'node:assert/strict';
import test, { after } from 'node:test';

import { close, complaints, PHONE, text, window } from './lib/chromium.mjs';
import { asks, card, gets, manages, person, ticketFor } from './lib/house.mjs';
import { mails, services } from './lib/services.mjs';
import { until } from './lib/until.mjs';

/** People open the server's own address; the plain one is another origin, with storage of its own. */
const app = new URL('authenticator/', card.issuer).href;

await manages('POST', 'emails/provider', {
  name: 'smtp', default_from_address: 'Riverbank <no-reply@bank.example>', credentials: services.smtp,
});
await manages('PATCH', 'tenants/settings', { wake_ladder: { steps: [{ channels: ['email'] }] } });
after(async () => {
  await close();
  await manages('PATCH', 'tenants/settings', { wake_ladder: { steps: [] } });
  await manages('DELETE', 'emails/provider');
});

/** What a person reads of a mail, however it was coded. */
function words(mail) {
  const [head, ...rest] = mail.data.split('\n\n');
  const body = rest.join('\n\n');
  const [, coding = '7bit'] = /^content-transfer-encoding: *(\S+)/im.exec(head) ?? [];
  if (coding === 'base64') return Buffer.from(body, 'base64').toString();
  if (coding !== 'quoted-printable') return body;
  const bytes = body.replaceAll('=\n', '').replaceAll(/=([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1').toString();
}

// O503: the link opens the request in a browser that is the person's device, and tells nothing by itself.
test('the link of a mail opens the request that it is about', async () => {
  const user = await person('Mio Mail');
  const page = await window({ viewport: PHONE });
  await page.goto(`${app}#enroll=${await ticketFor(user)}`);
  await page.locator('#add').click();
  await page.locator('#key-code').waitFor();
  const context = page.context();
  await page.close();
  const id = await asks(user, 'Pay 40.00');
  const first = await until('the mail', async () => (await mails()).find(({ to }) => to.includes(user.email)));
  const mail = words(first);
  assert.doesNotMatch(first.data + mail, /40\.00|Example Bank/);
  const [link] = /https:\S+/.exec(mail);
  assert.ok(link.startsWith(app), link);
  const opened = await context.newPage();
  await opened.goto(link);
  await opened.locator('#approve').waitFor();
  assert.match(await text(opened), /Pay 40\.00/);
  assert.equal(await gets(id), 'authorization_pending');
  await opened.locator('#approve').click();
  await opened.getByRole('heading', { name: 'Approved' }).waitFor();
  assert.equal(await gets(id), 'tokens');
  await opened.goto('about:blank');
  await opened.goto(link);
  await opened.locator('main h1').waitFor();
  assert.equal(await opened.locator('#approve').count(), 0);
  const stranger = await window({ viewport: PHONE });
  await stranger.goto(link);
  await stranger.getByRole('heading', { name: 'This request is not here' }).waitFor();
  assert.doesNotMatch(await text(stranger), /40\.00|Example Bank/);
});

test('no page asked for anything that its policy refuses, and no program failed', () => {
  assert.deepEqual(complaints, []);
});
