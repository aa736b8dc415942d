// What is sent to both. `clause` says why our answer is right; where both answer alike it is not listed.
const CIBA = 'urn:openid:params:grant-type:ciba';
const scope = 'openid';
const binding_message = 'Pay 20.00';

/** A start: what of a good one is changed. */
const start = (what, clause, change) => ({ what, clause, path: 'start', change });
/** A call of the token endpoint in a situation. */
const poll = (what, clause, situation, change = (form) => form) => ({ what, clause, path: 'poll', situation, change });
const without = (name) => (form) => { form.delete(name); return form; };
const set = (name, value) => (form) => { form.set(name, value); return form; };
const and = (name, value) => (form) => { form.append(name, value); return form; };

export const good = (hint) => new URLSearchParams({ scope, binding_message, login_hint: hint });
export const polling = (id) => new URLSearchParams({ grant_type: CIBA, auth_req_id: id });

export const table = [
  { ...start('a good request', 'CIBA Core 7.3: optional; who is not told waits five seconds', (form) => form), isWhole: true },
  start('no `scope`', 'CIBA Core 7.1, 13: a required parameter is missing', without('scope')),
  start('`scope` without `openid`', 'CIBA Core 7.1; 13 has `invalid_scope` for a scope that is malformed or unacceptable', set('scope', 'email')),
  start('an unknown scope', 'CIBA Core 13: `invalid_scope`', set('scope', 'openid nonsense')),
  start('no hint', 'CIBA Core 7.1: one hint must be there', without('login_hint')),
  start('two hints', 'CIBA Core 7.2-3', and('id_token_hint', 'x.y.z')),
  start('an empty hint', 'RFC 6749 3.1: a parameter without a value counts as absent', set('login_hint', '')),
  start('`scope` twice', 'CIBA Core 13: a parameter more than once', and('scope', 'openid')),
  start('`binding_message` twice', 'CIBA Core 13: a parameter more than once', and('binding_message', 'again')),
  start('an unknown parameter', 'CIBA Core 7.1: unrecognised parameters are ignored', and('colour', 'blue')),
  start('an unknown parameter twice', 'CIBA Core 13: a parameter more than once', (form) => and('colour', 'red')(and('colour', 'blue')(form))),
  ...['0', '-1', '1.5', 'soon', ''].map((value) => start(`\`requested_expiry\` \`${value}\``,
    value === '' ? 'RFC 6749 3.1: a parameter without a value counts as absent' : 'CIBA Core 7.1: a positive integer', set('requested_expiry', value))),
  start('`requested_expiry` of a year', 'CIBA Core 7.1: the provider may choose another', set('requested_expiry', '31536000')),
  start('a `binding_message` of 460 characters, with emoji', 'CIBA Core 7.1, 13: short and plain, else `invalid_binding_message`', set('binding_message', `1234 ${'👍漢'.repeat(150)} done`)),
  start('a `binding_message` with a right-to-left override', 'CIBA Core 7.1; Unicode TR36: what is shown must not be turned round', set('binding_message', 'Pay \u202e00.02')),
  start('`request` of a client that registered no algorithm', 'CIBA Core 4: it will not send signed requests', set('request', 'a.b.c')),
  start('`request_uri`', 'CIBA Core 7.1 does not know it: ignored', and('request_uri', 'urn:example:x')),
  start('no authentication', 'CIBA Core 7.1, 13: `invalid_client`, 401', (form, call) => { call.secret = undefined; return form; }),
  start('a wrong secret in `Authorization: Basic`', 'RFC 6749 5.2: 401, and the scheme in `WWW-Authenticate`', (form, call) => { call.secret = 'wrong'; return form; }),
  start('two ways of authentication', 'RFC 6749 2.3: never more than one', and('client_secret', 'wrong')),
  start('parameters in the address', 'RFC 6749 3.2 by analogy: bodies only; addresses end up in logs', (form, call) => { call.query = form; return new URLSearchParams(); }),
  start('a JSON body', 'CIBA Core 7.1: a form', (form, call) => { call.type = 'application/json'; return JSON.stringify(Object.fromEntries(form)); }),
  start('GET', 'CIBA Core 7.1: POST', (form, call) => { call.method = 'GET'; call.query = form; return undefined; }),

  poll('the first poll, at once', 'CIBA Core 11', 'pending'),
  poll('a second poll within the interval', 'CIBA Core 11: `slow_down`, and the interval grows', 'polled'),
  poll('a poll after the approval, within the interval', 'CIBA Core 10.1: a decided request has an outcome', 'approved'),
  poll('a poll after the tokens were given', 'CIBA Core 10.1.1', 'redeemed'),
  poll('ten polls at once after the approval', 'CIBA Core 10.1.1: an `auth_req_id` is good once', 'raced'),
  poll('a poll after the end', 'CIBA Core 11: `expired_token`', 'expired'),
  poll('an unknown `auth_req_id`', 'CIBA Core 11: `invalid_grant`', 'unknown'),
  poll('another client\'s `auth_req_id`', 'CIBA Core 11: `invalid_grant`', 'foreign'),
  poll('no `auth_req_id`', 'CIBA Core 11, RFC 6749 5.2', 'pending', without('auth_req_id')),
  poll('`auth_req_id` twice', 'RFC 6749 3.2: never more than once', 'pending', (form) => and('auth_req_id', 'x')(form)),
  poll('an unknown `grant_type`', 'RFC 6749 5.2', 'pending', set('grant_type', 'nonsense')),
  poll('a poll that would wait (`Prefer: wait=5`)', 'CIBA Core 10.1: long polling', 'waiting'),
];
