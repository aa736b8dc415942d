// Decision 25: npm `@parse/node-apn` 8.1.0 and `firebase-admin` 13.10.0 hold our stand-ins for what
// they say they are: the push services that our own senders are tested against.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import https from 'node:https';
import test, { after, before } from 'node:test';

import apn from '@parse/node-apn';
import { cert, initializeApp } from 'firebase-admin/app';
import { getMessaging } from 'firebase-admin/messaging';

import { pushServices } from './lib/push-services.mjs';

// One sender for all: like Apple, the stand-in refuses a second provider token within twenty minutes.
let services;
let sender;
before(async () => {
  services = await pushServices();
  // The library that fetches access tokens for firebase-admin takes no agent of ours.
  https.globalAgent = toStandIn();
  sender = provider();
});
after(async () => {
  await sender.shutdown();
  services.stop();
});

const token = 'a1'.repeat(32);

function provider(change = {}) {
  const { apns, ca_file: caFile } = services;
  return new apn.Provider({
    token: { key: apns.p8, keyId: apns.key_id, teamId: apns.team_id, ...change },
    address: 'localhost',
    port: Number(new URL(apns.url).port),
    ca: readFileSync(caFile),
    connectionRetryLimit: 0,
  });
}

function alert() {
  return new apn.Notification({
    topic: services.apns.topic, alert: { title: 'Bank', body: 'Pay 25.00?' }, pushType: 'alert',
    priority: 10, expiry: Math.floor(Date.now() / 1000) + 300, collapseId: 'cns_0123456789',
  });
}

test('node-apn: a notification is taken, many are over one connection', async () => {
  const sent = await sender.send(alert(), Array.from({ length: 50 }, () => token));
  assert.deepEqual(sent.failed, []);
  assert.equal(sent.sent.length, 50);
});

test('node-apn: refusals are understood as Apple\'s', async () => {
  for (const { token: device, status, reason } of services.apns.refused) {
    const { failed } = await sender.send(alert(), device);
    assert.equal(failed[0].status, status, reason);
    assert.equal(failed[0].response?.reason ?? failed[0].error?.message, reason);
  }
  const { failed } = await sender.send(alert(), 'no-hex-digits');
  assert.equal(failed[0].response.reason, 'BadDeviceToken');
});

test('node-apn: a key of another team is no credential', async () => {
  const stranger = provider({ teamId: 'OTHERTEAM0' });
  const { failed } = await stranger.send(alert(), token);
  assert.deepEqual([failed[0].status, failed[0].response.reason], [403, 'InvalidProviderToken']);
  await stranger.shutdown();
});

/** An agent that takes every call for Google to the stand-in. */
function toStandIn() {
  const port = Number(new URL(services.fcm.url).port);
  const agent = new https.Agent({ ca: readFileSync(services.ca_file), keepAlive: false });
  const connect = agent.createConnection.bind(agent);
  agent.createConnection = (options, done) =>
    connect({ ...options, host: 'localhost', hostname: 'localhost', port, servername: 'localhost' }, done);
  return agent;
}

function messaging(name, change = {}) {
  const agent = toStandIn();
  const account = { ...JSON.parse(services.fcm.service_account), ...change };
  return getMessaging(initializeApp({ credential: cert(account, agent), httpAgent: agent }, name));
}

const message = (device) => ({
  token: device,
  data: { txlnkid: 'cns_0123456789', s: '{"b":{"n":"Bank"}}' },
  android: { priority: 'high', ttl: 300_000 },
});

test('firebase-admin: the service account gets a token, and a message is taken', async () => {
  const id = await messaging('good').send(message('token-of-a-phone'));
  assert.match(id, new RegExp(`^projects/${services.fcm.project}/messages/`));
});

test('firebase-admin: refusals are understood as Google\'s', async () => {
  const sender = messaging('refused');
  await assert.rejects(sender.send(message(services.fcm.gone)),
    { code: 'messaging/registration-token-not-registered' });
  await assert.rejects(sender.send(message('a b')), { code: 'messaging/invalid-argument' });
});

test('firebase-admin: an account that Google does not know gets no token', async () => {
  const sender = messaging('foreign', { client_email: 'nobody@example.com' });
  await assert.rejects(sender.send(message('token-of-a-phone')), { code: 'app/invalid-credential' });
});
