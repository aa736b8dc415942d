// What the web authenticator decides without a browser's help: codes, tickets, words, amounts.
import assert from 'node:assert/strict';
import { webcrypto } from 'node:crypto';
import test from 'node:test';

import { headline, plain, rows } from '../../web/authenticator/content.js';
import { isBareSafari, likelyName, ticketIn } from '../../web/authenticator/enroll.js';
import { base64url, bytesOf, hash, keyCode, newKey, sign, verified } from '../../web/authenticator/jose.js';
import { choose, left, money, say, speak } from '../../web/authenticator/words.js';

const english = {
  'ask-access': ['Access to ', { is: 'name' }], 'ask-sign-in': 'Sign in', 'value-yes': 'yes', 'value-no': 'no',
  'left-minutes': [{ by: 'count', of: { one: [{ is: 'count' }, ' minute left'], other: [{ is: 'count' }, ' minutes left'] }, or: 'other' }],
  'left-seconds': [{ by: 'count', of: { one: [{ is: 'count' }, ' second left'], other: [{ is: 'count' }, ' seconds left'] }, or: 'other' }],
  'left-hours': [{ by: 'count', of: { one: [{ is: 'count' }, ' hour left'], other: [{ is: 'count' }, ' hours left'] }, or: 'other' }],
};

// O424: RFC 7517's first example key, whose code device-protocol's documentation shows, too.
test('the code of a key is the one that the server computes', async () => {
  const jwk = { kty: 'EC', crv: 'P-256', x: 'MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4', y: '4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM' };
  assert.equal(await keyCode(jwk), 'OJ7-YR7');
});

test('a hash is of every byte, as device-protocol has it', async () => {
  assert.equal(await hash('a.b.c'), 'hF4wRIgJ4ryJWOsCW_x5UjXROwd6U9DDq70jhRcNybg');
  assert.equal(base64url(bytesOf('-_8')), '-_8');
  for (const text of ['a b', 'a+b', 'a=']) assert.throws(() => bytesOf(text), text);
});

test('what this device signs holds, and nothing else does', async () => {
  const { privateKey, jwk } = await newKey();
  const jws = await sign(privateKey, { typ: 'x+jwt', kid: 'dev_1' }, { word: 'ö' });
  assert.deepEqual(await verified(jws, jwk, 'x+jwt'), { word: 'ö' });
  await assert.rejects(verified(jws, jwk, 'y+jwt'));
  await assert.rejects(verified(jws, (await newKey()).jwk, 'x+jwt'));
  await assert.rejects(verified(`${jws}.x`, jwk, 'x+jwt'));
  const [, claims, signature] = jws.split('.');
  for (const header of [{ typ: 'x+jwt', alg: 'none' }, { typ: 'x+jwt', alg: 'HS256' }, { typ: 'x+jwt', alg: 'ES256', crit: ['b64'] }, 1, null]) {
    await assert.rejects(verified(`${Buffer.from(JSON.stringify(header)).toString('base64url')}.${claims}.${signature}`, jwk, 'x+jwt'));
  }
});

test('contents under an Ed25519 key are read, too', async () => {
  const { privateKey, publicKey } = await webcrypto.subtle.generateKey('Ed25519', true, ['sign', 'verify']);
  const jwk = await webcrypto.subtle.exportKey('jwk', publicKey);
  const input = [{ typ: 'x+jwt', alg: 'Ed25519' }, { a: 1 }].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
  const signature = Buffer.from(await webcrypto.subtle.sign('Ed25519', privateKey, Buffer.from(input))).toString('base64url');
  assert.deepEqual(await verified(`${input}.${signature}`, jwk, 'x+jwt'), { a: 1 });
});

test('a ticket is found in each form, and in nothing else', () => {
  const ticket = 'AbCdEfGhIjKlMnOpQrStUvWxYz012345';
  for (const text of [ticket, ` ${ticket}\n`, `#enroll=${ticket}`, `https://a.example/t/x/authenticator/#enroll=${ticket}`,
    `otpauth://totp/a?enrollment_tx_id=${ticket}&id=dev_1`]) assert.equal(ticketIn(text), ticket, text);
  for (const text of ['', 'short', 'with spaces in between', '#enroll=%', `${ticket}${ticket}${ticket}`, '<b>12345678</b>']) {
    assert.equal(ticketIn(text), undefined, text);
  }
});

// O493: an iPad says that it is a Mac; its fingers tell.
test('an iPad is told apart from a Mac, and the app that is installed from Safari', () => {
  const mac = 'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/19.0 Safari/605.1.15';
  const kept = Object.getOwnPropertyDescriptor(globalThis, 'navigator');
  const seen = (userAgent, maxTouchPoints, isInstalled) => {
    Object.defineProperty(globalThis, 'navigator', { value: { userAgent, maxTouchPoints }, configurable: true });
    globalThis.matchMedia = () => ({ matches: isInstalled });
    return [likelyName(), isBareSafari()];
  };
  try {
    assert.deepEqual(seen(mac, 5, false), ['Safari, iPad', true]);
    assert.deepEqual(seen(mac, 5, true), ['Safari, iPad', false]);
    assert.deepEqual(seen(mac, 0, false), ['Safari, Mac', false]);
    assert.deepEqual(seen(mac.replace('Macintosh', 'iPhone'), 5, false), ['Safari, iPhone', true]);
    assert.deepEqual(seen('Mozilla/5.0 (Windows NT 10.0) Chrome/140.0 Safari/537.36', 10, false), ['Chrome, Windows', false]);
  } finally {
    delete globalThis.matchMedia;
    if (kept) Object.defineProperty(globalThis, 'navigator', kept);
    else delete globalThis.navigator;
  }
});

test('the language is the chosen one, or the first that is known', () => {
  assert.deepEqual(choose(undefined, ['fr-FR', 'ja-JP', 'en']), { language: 'ja', locale: 'ja-JP' });
  assert.deepEqual(choose('en', ['ja-JP', 'en-GB']), { language: 'en', locale: 'en-GB' });
  assert.deepEqual(choose('xx', []), { language: 'en', locale: 'en' });
});

// O430: amounts, moments and counts as the reader's language writes them; no digit is lost.
test('amounts and times are the reader\'s', () => {
  speak(english, { language: 'en', locale: 'en-US' });
  assert.equal(money('24800', 'JPY'), '¥24,800');
  assert.equal(money('1234567.891', 'USD'), '$1,234,567.891');
  assert.equal(money('99999999999999.99', 'USD'), '$99,999,999,999,999.99');
  for (const [amount, currency] of [['1e9', 'USD'], ['x', 'USD'], [1, 'US'], [undefined, 'USD'], [{}, 'USD']]) assert.equal(money(amount, currency), undefined);
  assert.equal(left(121), '2 minutes left');
  assert.equal(left(1), '1 second left');
  assert.equal(left(-5), '0 seconds left');
  assert.equal(left(7200), '2 hours left');
  speak(english, { language: 'en', locale: 'de-DE' });
  assert.match(money('24800.5', 'EUR') ?? '', /24\.800,50/);
  assert.equal(say('ask-access', { name: 'B' }), 'Access to \u2068B\u2069');
});

// O428: what works unseen is seen; emoji and other scripts stay as they are.
test('letters that turn or hide others are shown by their number', () => {
  assert.equal(plain('a\u202eb\u200bc\u2066d\u0007'), 'a[U+202E]b[U+200B]c[U+2066]d[U+0007]');
  assert.equal(plain('\u{e0041}'), '[U+E0041]');
  for (const text of ['👩‍👩‍👧', 'مرحبا', '日本語', 'a\nb']) assert.equal(plain(text), text);
});

test('details of any shape become rows, and not too many', () => {
  const shown = rows([{ type: 'payment', instructedAmount: { amount: '12.5', currency: 'EUR' }, to: { name: 'Shop' }, tags: ['a', 1], isUrgent: true }]);
  assert.deepEqual(shown.map(({ label, text }) => `${label}: ${text.replaceAll('\u00a0', ' ')}`),
    ['type: payment', 'instructed Amount: 12,50 €', 'to: ', 'name: Shop', 'tags: a, 1', 'is Urgent: yes']);
  assert.ok(rows(Array.from({ length: 5_000 }, () => ({ a: 1 }))).length <= 200);
  let deep = {};
  for (let at = 0; at < 1_000; at += 1) deep = { deep };
  assert.ok(rows(deep).length < 10);
});

test('the one line is the message, the first line, or what is granted', () => {
  const content = { display: { lines: [] }, scope: [] };
  assert.equal(headline({ ...content, binding_message: 'Pay' }), 'Pay');
  assert.equal(headline({ ...content, display: { lines: ['One', 'Two'] } }), 'One');
  assert.equal(headline({ ...content, audience: { name: 'Bank' } }), 'Access to \u2068Bank\u2069');
  assert.equal(headline(content), 'Sign in');
});
