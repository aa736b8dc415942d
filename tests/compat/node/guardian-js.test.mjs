// npm `auth0-guardian-js` 1.4.1: the browser's half of an enrollment.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import test from 'node:test';

import { management, opens, qr, someone, someoneWithPhone } from './lib/people.mjs';
import { Phone } from './lib/phone.mjs';

const ticketFor = async (user) =>
  (await management.guardian.enrollments.createTicket({ user_id: user.user_id })).ticket_id;

// G126: start-flow, the QR text, a phone that enrolls, and the page hears of it.
test('the page of the real SDK shows a code, a phone scans it, and the page learns of it', async () => {
  const user = await someone();
  const transaction = await opens(await ticketFor(user), 'polling');
  assert.equal(transaction.isEnrolled(), false);
  assert.deepEqual(transaction.getAvailableEnrollmentMethods(), ['push']);
  const text = await qr(transaction);
  assert.match(text, /^otpauth:\/\/totp\/example:somebody\?.*enrollment_tx_id=[A-Za-z0-9]{32}(&|$)/);

  const completed = once(transaction, 'enrollment-complete');
  const answered = once(transaction, 'auth-response');
  const phone = await Phone.scans(text);
  assert.match(phone.account.id, /^dev_[A-Za-z0-9]{16}$/);
  assert.equal(phone.account.user_id, user.user_id);
  await completed;
  const [response] = await answered;
  assert.equal(response.accepted, true);
});

test('the page of a user who has a phone says that it is enrolled', async () => {
  const { user, phone } = await someoneWithPhone();
  const transaction = await opens(await ticketFor(user));
  assert.equal(transaction.isEnrolled(), true);
  assert.equal(transaction.getEnrollments()[0].getName(), phone.name);
});

test('a code that was scanned once enrolls nobody else', async () => {
  const user = await someone();
  const text = await qr(await opens(await ticketFor(user)));
  await Phone.scans(text);
  await assert.rejects(Phone.scans(text), /enroll: 404 .*enrollment_transaction_not_found/);
});

test('a page with an unknown ticket is told so', async () => {
  await assert.rejects(opens('0'.repeat(32)), (error) => {
    assert.equal(error.errorCode, 'enrollment_transaction_not_found');
    return true;
  });
});

// G44: the account calls of the Android SDK with its self-signed token.
test('a phone renames itself and leaves, and the administrator sees both', async () => {
  const { user, phone } = await someoneWithPhone();
  const renamed = await phone.renames('New name');
  assert.equal(renamed.status, 200);
  assert.equal(JSON.parse(renamed.body).name, 'New name');
  assert.equal((await management.users.enrollments.get(user.user_id))[0].name, 'New name');
  const left = await phone.leaves();
  assert.deepEqual(left, { status: 204, body: '' });
  assert.deepEqual(await management.users.enrollments.get(user.user_id), []);
});
