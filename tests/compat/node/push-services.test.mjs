// Decision 25: npm `@parse/node-apn` 8.1.0, `firebase-admin` 13.10.0 and `web-push` 3.6.7 hold our stand-ins for what
// they say they are: the push services that our own senders are tested against.
import assert from 'node:assert/strict';
import { createECDH } from 'node:crypto';
import { readFileSync } from 'node:fs';
import https from 'node:https';
import test, { after, before } from 'node:test';

import apn from '@parse/node-apn';
import { cert, initializeApp } from 'firebase-admin/app';
import { getMessaging } from 'firebase-admin/messaging';
import ece from 'http_ece';
import webpush from 'web-push';

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

/** An agent that trusts the stand-ins' authority. */
function trusting() {
  return new https.Agent({ ca: readFileSync(services.ca_file), keepAlive: false });
}

/** What `web-push` sends to the browser's push service, with changed options. */
function toBrowser(payload, change = {}) {
  const { subscription, application_key: key } = services.web;
  return webpush.sendNotification(subscription, payload, {
    agent: trusting(), TTL: 60, urgency: 'high', topic: 'cns_0123456789',
    vapidDetails: { subject: 'mailto:a@example.com', publicKey: key.public, privateKey: key.private },
    ...change,
  });
}

test('web-push: a message is taken, one under another key or too long a topic is not', async () => {
  assert.equal((await toBrowser('{"kind":"request"}')).statusCode, 201);
  const other = webpush.generateVAPIDKeys();
  await assert.rejects(toBrowser('x', { vapidDetails: { subject: 'mailto:a@example.com', ...other } }),
    { statusCode: 403 });
  const endpoint = `${services.web.subscription.endpoint}-gone`;
  const { application_key: key } = services.web;
  const vapidDetails = {
    subject: 'mailto:a@example.com', publicKey: key.public, privateKey: key.private,
  };
  await assert.rejects(webpush.sendNotification({ ...services.web.subscription, endpoint }, 'x',
    { agent: trusting(), vapidDetails }), { statusCode: 410 });
});

// O440: a message that our sender sealed, read by who wrote another implementation.
test('http_ece: our message is decrypted', () => {
  const { message, private: own, subscription, text } = services.web;
  const privateKey = createECDH('prime256v1');
  privateKey.setPrivateKey(Buffer.from(own, 'base64url'));
  const plain = ece.decrypt(Buffer.from(message, 'base64url'), {
    version: 'aes128gcm', privateKey, authSecret: subscription.keys.auth,
  });
  assert.equal(plain.toString(), text);
});
