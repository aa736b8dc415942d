// Debian's Chromium, what it complains about, and what its pages look like.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { connect } from 'node:tls';

import { chromium } from 'playwright-core';

import { card, link } from './house.mjs';

export const PHONE = { width: 390, height: 844 };
export const DESKTOP = { width: 1280, height: 800 };

/** The hash of the key of the server's certificate, which Chromium has no other way to trust. */
function serverKey() {
  const { hostname: host, port } = new URL(card.issuer);
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port: Number(port), servername: host }, () => {
      const key = socket.getPeerX509Certificate().publicKey.export({ type: 'spki', format: 'der' });
      socket.destroy();
      resolve(createHash('sha256').update(key).digest('base64'));
    }).on('error', reject);
  });
}

const FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--no-first-run', `--ignore-certificate-errors-spki-list=${await serverKey()}`];
/** For what is waited for: as long as the slowest machine may take. Nothing waits so long where all is well. */
const PATIENCE_MS = 60_000;
const axe = readFileSync(new URL('../node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');

const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: FLAGS });
export const close = () => browser.close();

/** What pages complained about: errors of programs, and what the content security policy refused. */
export const complaints = [];

/** A new window with nothing in it. */
export async function window(options = {}) {
  const context = await browser.newContext({ viewport: DESKTOP, locale: 'en-GB', ...options });
  context.setDefaultTimeout(PATIENCE_MS);
  const page = await context.newPage();
  page.on('pageerror', (error) => complaints.push(`${page.url()}: ${error}`));
  page.on('console', (said) => {
    // A refused sign-in is a refused sign-in; Chromium also says so here.
    const isStatus = said.text().startsWith('Failed to load resource');
    if (said.type() === 'error' && !isStatus) complaints.push(`${page.url()}: ${said.text()}`);
  });
  return page;
}

/** A virtual authenticator of this page: `{devices, authenticatorId}`, what steers it and its name. */
export async function withAuthenticator(page, had) {
  const devices = had ?? await page.context().newCDPSession(page);
  await devices.send('WebAuthn.enable');
  const options = {
    protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true,
    isUserVerified: true, automaticPresenceSimulation: true,
  };
  const { authenticatorId } = await devices.send('WebAuthn.addVirtualAuthenticator', { options });
  return { devices, authenticatorId };
}

/** A window of an operator who came in by a one-time link. */
export async function signedIn(options = {}, name = 'Mika') {
  const page = await window(options);
  await page.goto(await link(name));
  await page.locator('main button.primary').click();
  await page.waitForURL(/\/console\/(passkeys|users)/);
  return page;
}

/** That axe-core finds nothing wrong with the page as it is now, once it is there. */
export async function isAccessible(page, name) {
  await page.waitForLoadState();
  await page.locator('h1', { hasText: /\S/ }).first().waitFor();
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, {
    runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
  }));
  const told = violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.html).join(' | ')}`);
  assert.deepEqual(told, [], name);
}

/** Until a person reads this on the page: after a click the next page is not there at once. */
export const reads = (page, pattern) => page.getByText(pattern).filter({ visible: true }).first().waitFor();

/** What a person reads on the page at this moment. */
export const text = (page) => page.locator('body').innerText();
