// Debian's Firefox, driven over WebDriver BiDi (https://w3c.github.io/webdriver-bidi/) without anything between.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import WebSocket from 'ws';

import { until } from './until.mjs';

const LISTENS = /WebDriver BiDi listening on (ws:\/\/\S+)/;

/** Notifications are shown without a desktop, pushes come from our service, and nothing else is called. */
const preferences = (pushServer) => ({
  'dom.push.enabled': true,
  'dom.push.connection.enabled': true,
  'dom.push.serverURL': pushServer,
  'dom.push.testing.allowInsecureServerURL': true,
  'permissions.default.desktop-notification': 1,
  'dom.webnotifications.requireuserinteraction': false,
  'alerts.useSystemBackend': false,
  'intl.accept_languages': 'en-GB, en',
  'network.proxy.type': 0,
  'app.normandy.enabled': false,
  'toolkit.telemetry.enabled': false,
  'datareporting.policy.dataSubmissionEnabled': false,
  'browser.safebrowsing.update.enabled': false,
  'browser.shell.checkDefaultBrowser': false,
});

/** Starts one with a profile of its own. */
export async function firefox({ pushServer }) {
  const profile = mkdtempSync(join(tmpdir(), 'aizuchi-firefox-'));
  const lines = Object.entries(preferences(pushServer)).map((pair) => `user_pref(${pair.map((part) => JSON.stringify(part)).join(', ')});`);
  writeFileSync(join(profile, 'user.js'), lines.join('\n'));
  const flags = ['--headless', '--no-remote', '--profile', profile, '--remote-debugging-port', '0', 'about:blank'];
  const env = { ...process.env, HOME: profile, MOZ_CRASHREPORTER_DISABLE: '1' };
  const program = spawn('firefox-esr', flags, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let log = '';
  for (const stream of [program.stdout, program.stderr]) stream.setEncoding('utf8').on('data', (text) => { log += text; });
  const gone = new Promise((resolve) => { program.on('error', resolve).on('exit', resolve); });
  const told = () => `\n--- what firefox-esr said:\n${log}`;
  const stop = async () => {
    program.kill('SIGTERM');
    await gone;
    rmSync(profile, { recursive: true, force: true, maxRetries: 3 });
  };
  try {
    let isGone = false;
    gone.then(() => { isGone = true; });
    const [, address] = await until('firefox-esr listens', () => {
      if (isGone) throw new Error('firefox-esr ended by itself');
      return LISTENS.exec(log);
    });
    const driver = await connected(`${address}/session`);
    await driver.asks('session.new', { capabilities: {} });
    driver.hears((entry) => { log += `${entry.level}: ${entry.text}\n`; });
    await driver.asks('session.subscribe', { events: ['log.entryAdded'] });
    const { contexts: [{ context }] } = await driver.asks('browsingContext.getTree', {});
    return { ...page(driver, context, told), stop: async () => { driver.close(); await stop(); } };
  } catch (error) {
    await stop();
    error.message += told();
    throw error;
  }
}

/** What Firefox could not do, as for a page that is just being left. */
class NotDone extends Error {}

/** Whoever looks again and again looks once more. */
export const betweenPages = (error) => {
  if (!(error instanceof NotDone)) throw error;
};

/** A connection that numbers its questions. */
async function connected(address) {
  const socket = new WebSocket(address);
  const waiting = new Map();
  await new Promise((resolve, reject) => { socket.once('open', resolve).once('error', reject); });
  const fail = (why) => { for (const { reject } of waiting.values()) reject(new Error(why)); waiting.clear(); };
  socket.on('close', () => fail('firefox-esr has closed the connection')).on('error', (error) => fail(error.message));
  socket.on('message', (text) => {
    const { id, type, result, error, message, params } = JSON.parse(text);
    if (type === 'event') return hear(params);
    const { resolve, reject } = waiting.get(id) ?? {};
    waiting.delete(id);
    if (type === 'error') reject?.(new NotDone(`${error}: ${message}`));
    else resolve?.(result);
  });
  let number = 0;
  let hear = () => undefined;
  const asks = (method, params) => new Promise((resolve, reject) => {
    number += 1;
    waiting.set(number, { resolve, reject });
    socket.send(JSON.stringify({ id: number, method, params }));
  });
  return { asks, hears: (act) => { hear = act; }, close: () => socket.terminate() };
}

/** The one window, as a test uses it. */
function page({ asks }, context, told) {
  /** Runs a function in the page; what goes in and out is JSON. */
  const runs = async (act, ...values) => {
    const { type, result, exceptionDetails } = await asks('script.callFunction', {
      functionDeclaration: `async (values) => JSON.stringify(await (${act})(...JSON.parse(values)) ?? null)`,
      arguments: [{ type: 'string', value: JSON.stringify(values) }],
      target: { context }, awaitPromise: true, userActivation: true,
    });
    if (type === 'exception') throw new Error(`in the page: ${exceptionDetails.text}`);
    return JSON.parse(result.value);
  };
  const goes = (url) => asks('browsingContext.navigate', { context, url, wait: 'complete' });
  /** Acts on what is there, enabled and visible, as soon as it is; one look and one act at a time. */
  const acts = (selector, act, ...values) => until(`${selector} is there`, () => runs(`(one, ...rest) => {
    const found = document.querySelector(one);
    const isThere = found && !found.disabled && found.getClientRects().length > 0;
    return isThere ? { said: (${act})(found, ...rest) ?? null } : undefined;
  }`, selector, ...values).catch(betweenPages)).then(({ said }) => said, async (error) => {
    error.message += `\n--- what the page says:\n${await runs(() => document.body?.innerText).catch(String)}${told()}`;
    throw error;
  });
  const sees = (selector) => acts(selector, () => true);
  const reads = (selector) => acts(selector, (found) => found.innerText);
  const clicks = (selector) => acts(selector, (found) => found.click());
  const fills = (selector, text) => acts(selector, (field, value) => {
    field.value = value;
    field.dispatchEvent(new Event('input', { bubbles: true }));
  }, text);
  return { runs, goes, sees, reads, clicks, fills };
}
