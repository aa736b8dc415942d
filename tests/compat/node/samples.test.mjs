// The client samples of docs/samples that need nothing but what this folder installs, as a reader
// runs them: configured by env.sh, a person with a virtual phone at the other end.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { card } from './lib/card.mjs';
import { someone } from './lib/people.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const samples = here('../../../docs/samples');
const read = (path) => readFileSync(join(samples, path), 'utf8');

const folder = mkdtempSync(join(tmpdir(), 'samples-'));
after(() => rmSync(folder, { recursive: true }));
/** Writes a card as `aizuchi dev` prints it, with what else it is to say. */
function writesCard(name, more = {}) {
  writeFileSync(join(folder, name), JSON.stringify({ ...card, ca_file: process.env.SSL_CERT_FILE, ...more }));
  return name;
}
writesCard('card.json');
// A reader installs beside the sample; here the packages stand elsewhere.
copyFileSync(join(samples, 'node/ciba.mjs'), join(folder, 'ciba.mjs'));
symlinkSync(here('node_modules'), join(folder, 'node_modules'));

const CURL = [join(samples, 'curl/ciba.sh')];
const PYTHON = [here('../python/.venv/bin/python'), join(samples, 'python/ciba.py')];
const NODE = [process.execPath, join(folder, 'ciba.mjs')];

async function post(path, form) {
  const answer = await fetch(new URL(path, path.startsWith('dev/') ? card.http : card.issuer), {
    method: 'POST', body: form && new URLSearchParams(form),
  });
  assert.ok(answer.status < 500, `${path}: ${answer.status}`);
  return answer;
}

async function someoneReachable() {
  const user = await someone();
  await post(`dev/users/${encodeURIComponent(user.user_id)}/phone`);
  return user;
}

const client = { client_id: card.client.client_id, client_secret: card.client.client_secret };
const poll = (id) =>
  post('oauth/token', { ...client, grant_type: 'urn:openid:params:grant-type:ciba', auth_req_id: id });
const ask = (user) => post('bc-authorize', {
  ...client,
  scope: 'openid',
  binding_message: 'once more',
  login_hint: JSON.stringify({ format: 'iss_sub', iss: card.issuer, sub: user.user_id }),
});

/** A running sample. */
class Run {
  constructor(command, user, more = {}, cardName = 'card.json') {
    this.lines = { stdout: [], stderr: [] };
    this.child = spawn('bash', ['-c', '. "$0" "$1"; shift; exec "$@"', join(samples, 'env.sh'),
      join(folder, cardName), ...command],
    { env: { ...process.env, CIBA_EMAIL: user.email, ...more }, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const name of ['stdout', 'stderr']) {
      createInterface(this.child[name]).on('line', (line) => {
        this.lines[name].push(line);
        this.child.emit('said');
      });
    }
    this.closed = once(this.child, 'close').then(([code]) => { this.code = code; });
  }

  /** What stands after these words, once the sample has said it. */
  async says(words) {
    for (;;) {
      const line = Object.values(this.lines).flat().find((one) => one.startsWith(words));
      if (line) return line.slice(words.length).trim();
      assert.equal(this.code, undefined, `ended without '${words}': ${JSON.stringify(this.lines)}`);
      await Promise.race([once(this.child, 'said'), this.closed]);
    }
  }

  async ends() {
    await this.closed;
    return [this.code, this.lines.stderr.at(-1) ?? this.lines.stdout.at(-1)];
  }
}

/** A card whose client has every approval confirmed by a number. */
async function cardWithNumbers() {
  const { access_token: token } = await (await post('oauth/token', {
    grant_type: 'client_credentials', ...card.management, audience: new URL('api/v2/', card.issuer).href,
  })).json();
  const answer = await fetch(new URL('api/v2/clients', card.issuer), {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      name: 'Samples with numbers', app_type: 'regular_web', oidc_conformant: true, match_code_required: true,
      grant_types: ['urn:openid:params:grant-type:ciba'],
    }),
  });
  assert.equal(answer.status, 201);
  const { client_id: id, client_secret: secret } = await answer.json();
  return writesCard('card-with-numbers.json', { client: { client_id: id, client_secret: secret } });
}
const withNumbers = cardWithNumbers();

async function answered(command, verb) {
  const user = await someoneReachable();
  const run = new Run(command, user);
  assert.equal(await run.says('asked'), user.user_id);
  assert.equal((await post(`dev/ciba/${await run.says('auth_req_id')}/${verb}`)).status, 204);
  return { user, end: await run.ends() };
}

const OUTCOMES = {
  async approved(command) {
    const { user, end } = await answered(command, 'allow');
    assert.deepEqual(end, [0, `approved by ${user.user_id} ${user.name}`]);
  },
  async denied(command) {
    assert.deepEqual((await answered(command, 'deny')).end, [1, 'denied']);
  },
  async expired(command) {
    const run = new Run(command, await someoneReachable(), { CIBA_EXPIRY: '1' });
    assert.deepEqual(await run.ends(), [2, 'expired']);
  },
  // Two polls of ours at once make the server ask for a longer interval than the sample knows of.
  async slowedDown(command) {
    const user = await someoneReachable();
    const run = new Run(command, user);
    const id = await run.says('auth_req_id');
    assert.equal((await poll(id)).status, 400);
    assert.equal((await poll(id)).status, 429);
    assert.equal(await run.says('slower: every'), '15 s');
    await post(`dev/ciba/${id}/allow`);
    assert.equal((await run.ends())[0], 0);
    assert.equal(run.lines.stderr.length, 1);
  },
  async askedTooOften(command) {
    const user = await someoneReachable();
    for (let times = 0; times < 5; times += 1) assert.equal((await ask(user)).status, 200);
    const [code, said] = await new Run(command, user).ends();
    assert.equal(code, 3);
    assert.match(said, /too.many.requests.*try again in [1-9]\d* s$/i);
  },
  // Nobody can approve without the number, which the sample alone is told.
  async matched(command) {
    const user = await someoneReachable();
    const run = new Run(command, user, {}, await withNumbers);
    const id = await run.says('auth_req_id');
    const [number] = (await run.says('enter')).split(' ');
    assert.match(number, /^\d\d$/);
    assert.equal((await post(`dev/ciba/${id}/allow?match=${number}`)).status, 204);
    assert.deepEqual(await run.ends(), [0, `approved by ${user.user_id} ${user.name}`]);
  },
  async unknown(command) {
    const [code, said] = await new Run(command, { email: 'nobody@example.com' }).ends();
    assert.deepEqual([code, said], [3, 'nobody has the address nobody@example.com']);
  },
};
const allOutcomes = (command) => Promise.all(Object.values(OUTCOMES).map((outcome) => outcome(command)));

describe('docs/samples', { concurrency: true }, () => {
  // O270: approved, denied, expired, slowed down, with a number, asked too often, nobody there.
  test('the cURL sample ends well in every outcome', () => allOutcomes(CURL));

  // O271: approved, denied, expired, slowed down, with a number, asked too often, nobody there.
  test('the Python sample ends well in every outcome', () => allOutcomes(PYTHON));

  // O272: approved, denied, expired, slowed down, with a number, asked too often, nobody there.
  test('the Node sample ends well in every outcome', () => allOutcomes(NODE));
});

// O273: what the gate runs is what a reader installs.
test('the samples pin the versions that are tested here', () => {
  const ours = JSON.parse(readFileSync(here('package.json'), 'utf8')).dependencies;
  for (const [name, version] of Object.entries(JSON.parse(read('node/package.json')).dependencies)) {
    assert.equal(version, ours[name], name);
  }
  const tested = readFileSync(here('../python/requirements.in'), 'utf8').split('\n');
  for (const line of read('python/requirements.txt').split('\n')) assert.ok(tested.includes(line), line);
});

// Also the samples that nobody can run here.
test('every sample of a client tells the number to match', () => {
  for (const sample of ['curl/ciba.sh', 'python/ciba.py', 'node/ciba.mjs', 'go/main.go', 'csharp/Program.cs',
    'java/src/main/java/ciba/Ciba.java']) {
    assert.match(read(sample), /match_code[^]*on the phone|on the phone[^]*match_code/, sample);
  }
});

// O274: each step of the flow stands in a sample of its side, under its number.
test('every sample says which steps of the flow it shows', () => {
  const shows = (steps, ...files) => {
    const text = files.map(read).join('');
    for (const step of steps) assert.match(text, new RegExp(`[Ss]tep ${step}\\b`), `${files[0]}: step ${step}`);
  };
  for (const client of ['curl/ciba.sh', 'python/ciba.py', 'node/ciba.mjs', 'go/main.go', 'csharp/Program.cs',
    'java/src/main/java/ciba/Ciba.java']) {
    shows([1, 2, 3, 8], client);
  }
  shows([4, 5, 6, 7], ...['Phone', 'ApprovalView'].map((name) => `ios/Approver/${name}.swift`));
  shows([4, 5, 6, 7], ...['Phone', 'PushService', 'ApprovalActivity']
    .map((name) => `android/app/src/main/kotlin/com/example/approver/${name}.kt`));
});
