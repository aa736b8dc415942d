// People with phones, made by public paths only: users by the Management API (npm `auth0`),
// enrollment by a ticket, `auth0-guardian-js` for the page's half and a phone for the other.
import { randomUUID } from 'node:crypto';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';

import { ManagementClient } from 'auth0';
import guardian from 'auth0-guardian-js';

import { card, domain } from './card.mjs';
import { Phone } from './phone.mjs';

export const management = new ManagementClient({
  domain,
  clientId: card.management.client_id,
  clientSecret: card.management.client_secret,
});

/** A new user without any device. */
export function someone() {
  const email = `p-${randomUUID()}@example.com`;
  return management.users.create({
    connection: 'Username-Password-Authentication', email, password: randomUUID(), email_verified: true,
  });
}

/** Until the page has been told the state of its transaction for the first time. */
function looks() {
  const answers = 'http.client.response.finish';
  return new Promise((resolve) => {
    const heard = ({ request }) => {
      if (!request.path.endsWith('/api/transaction-state')) return;
      unsubscribe(answers, heard);
      resolve();
    };
    subscribe(answers, heard);
  });
}

/**
 * Opens an enrollment transaction of the page. `manual`: nobody asks for its state. `polling`: the SDK
 * tells of what changes between two looks, so that the first of them must come before what it is to tell.
 */
export async function opens(ticket, transport = 'manual') {
  const looked = transport === 'polling' ? looks() : undefined;
  const page = guardian({
    serviceUrl: new URL('appliance-mfa', card.issuer).href,
    ticket,
    issuer: { label: 'Example', name: 'example' },
    accountLabel: 'somebody',
    stateCheckingMechanism: transport,
  });
  const transaction = await new Promise((resolve, reject) => {
    page.start((error, started) => (error ? reject(error) : resolve(started)));
  });
  await looked;
  return transaction;
}

/** The text of the QR code that the page shows. */
export function qr(transaction) {
  return new Promise((resolve, reject) => {
    transaction.enroll('push', {}, (error, step) => (error ? reject(error) : resolve(step.getUri())));
  });
}

/** A new user with a phone. */
export async function someoneWithPhone() {
  const user = await someone();
  const { ticket_id: ticket } = await management.guardian.enrollments.createTicket({ user_id: user.user_id });
  const phone = await Phone.scans(await qr(await opens(ticket)));
  return { user, phone };
}
