// A phone: the requests of Guardian.Android as recorded, with a key, times and ids of its own.
// Header names, their order, the members of bodies and tokens and their order are the recording's.
import { createHash, createSign, generateKeyPairSync, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import https from 'node:https';
import { setTimeout as pause } from 'node:timers/promises';

import { card, pushes, recorded } from './card.mjs';

const TRAY_TRIES = 1_200;
const TRAY_PAUSE_MS = 50;

const trust = new https.Agent({ ca: readFileSync(process.env.NODE_EXTRA_CA_CERTS), keepAlive: true });
const seconds = () => Math.floor(Date.now() / 1000);
const base64url = (data) => Buffer.from(data).toString('base64url');

function example(id) {
  const found = recorded.cases.find((one) => one.id === id);
  if (!found) throw new Error(`no recorded call ${id}`);
  return found;
}

/** The recorded object with other values: same members, same order, none added or left out. */
function like(text, values) {
  const shape = JSON.parse(text);
  for (const name of Object.keys(values)) {
    if (!(name in shape)) throw new Error(`the recording has no member ${name}`);
  }
  return JSON.stringify({ ...shape, ...values });
}

export class Phone {
  /** Scans the text of a QR code and enrolls. */
  static async scans(text, name = 'Pixel') {
    const phone = new Phone(new URL(text).searchParams.get('enrollment_tx_id'), name);
    await phone.enroll();
    return phone;
  }

  constructor(ticket, name) {
    this.ticket = ticket;
    this.name = name;
    this.identifier = randomUUID().replaceAll('-', '').slice(0, 16);
    this.pushToken = `fcm-${randomUUID()}`;
    this.keys = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const { n, e } = this.keys.publicKey.export({ format: 'jwk' });
    // Java's BigInteger puts a zero byte in front.
    const modulus = Buffer.concat([Buffer.from([0]), Buffer.from(n, 'base64url')]);
    this.jwk = { n: base64url(modulus), e };
  }

  async enroll() {
    const { request } = example('main.enroll_uri');
    const key = JSON.parse(like(JSON.stringify(request.body_json.public_key), this.jwk));
    const body = like(request.body, {
      public_key: key,
      identifier: this.identifier,
      name: this.name,
      push_credentials: { service: 'GCM', token: this.pushToken },
    });
    const answer = await this.call(request, 'appliance-mfa/api/enroll',
      { Authorization: `Ticket id="${this.ticket}"` }, body);
    if (answer.status !== 201) throw new Error(`enroll: ${answer.status} ${answer.body}`);
    this.account = JSON.parse(answer.body);
  }

  /** The newest push that has not been taken yet; the server sends it beside its answer. */
  async buzzes() {
    for (let attempt = 0; attempt < TRAY_TRIES; attempt += 1) {
      const all = await pushes(this.pushToken);
      if (all.length > (this.taken ?? 0)) {
        this.taken = all.length;
        return all[0].payload;
      }
      await pause(TRAY_PAUSE_MS);
    }
    throw new Error('no push came');
  }

  /** Reads what the person is asked. */
  async reads(push) {
    const { request, jwts: [proof] } = example('main.fetch_consent');
    const path = `rich-consents/${push.txlnkid}`;
    const header = JSON.stringify({
      ...proof.header, jwk: JSON.parse(like(JSON.stringify(proof.header.jwk), this.jwk)),
    });
    const claims = like(proof.claims_text, {
      ath: createHash('sha256').update(push.txtkn).digest('base64url'),
      htu: new URL(path, card.issuer).href,
      iat: seconds(),
      jti: randomUUID(),
    });
    const answer = await this.call(request, path,
      { Authorization: `MFA-DPoP ${push.txtkn}`, 'MFA-DPoP': this.signs(header, claims) });
    if (answer.status !== 200) throw new Error(`consent: ${answer.status} ${answer.body}`);
    return JSON.parse(answer.body);
  }

  approves(push) { return this.answers(push, 'main.allow', {}); }

  denies(push) { return this.answers(push, 'main.reject_no_reason', {}); }

  reports(push) { return this.answers(push, 'main.reject_hack', {}); }

  async answers(push, id) {
    const { request, jwts: [signed] } = example(id);
    const path = 'appliance-mfa/api/resolve-transaction';
    const iat = seconds();
    const claims = like(signed.claims_text, {
      aud: new URL(path, card.issuer).href, sub: push.c, iss: this.identifier, exp: iat + 30, iat,
    });
    const body = like(request.body, { challenge_response: this.signs(signed.header_text, claims) });
    const answer = await this.call(request, path, { Authorization: `Bearer ${push.txtkn}` }, body);
    if (answer.status !== 204 || answer.body !== '') throw new Error(`resolve: ${answer.status} ${answer.body}`);
  }

  /** The self-signed token of the account calls. */
  accountToken() {
    const { jwts: [signed] } = example('main.update_all');
    const iat = seconds();
    return this.signs(signed.header_text, like(signed.claims_text, {
      aud: new URL('appliance-mfa/api/device-accounts', card.issuer).href,
      sub: this.account.user_id, iss: this.account.id, exp: iat + 7200, iat,
    }));
  }

  async renames(name) {
    const { request } = example('main.update_all');
    this.name = name;
    const body = like(request.body, {
      identifier: this.identifier, name, push_credentials: { service: 'GCM', token: this.pushToken },
    });
    return this.call(request, `appliance-mfa/api/device-accounts/${this.account.id}`,
      { Authorization: `Bearer ${this.accountToken()}` }, body);
  }

  leaves() {
    const { request } = example('main.delete');
    return this.call(request, `appliance-mfa/api/device-accounts/${this.account.id}`,
      { Authorization: `Bearer ${this.accountToken()}` });
  }

  signs(header, claims) {
    const text = `${base64url(header)}.${base64url(claims)}`;
    const signature = createSign('RSA-SHA256').update(text).sign(this.keys.privateKey);
    return `${text}.${signature.toString('base64url')}`;
  }

  /** Sends a recorded request to our server: its method and headers, with these values instead. */
  call(request, path, values, body = '') {
    const url = new URL(path, card.issuer);
    const own = { ...values, Host: url.host, 'Content-Length': String(Buffer.byteLength(body)) };
    const headers = {};
    for (const [name, value] of request.headers) {
      if (name !== 'Accept-Encoding') headers[name] = own[name] ?? value;
    }
    return new Promise((resolve, reject) => {
      const call = https.request(url, { method: request.method, headers, agent: trust }, (answer) => {
        const parts = [];
        answer.on('data', (part) => parts.push(part)).on('error', reject);
        answer.on('end', () => resolve({ status: answer.statusCode, body: Buffer.concat(parts).toString() }));
      });
      call.on('error', reject).end(body);
    });
  }
}
