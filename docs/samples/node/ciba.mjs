// Asks a person by CIBA with npm's @auth0/auth0-auth-js, and finds them with npm's auth0.
// Configuration: ../env.sh. Exit: 0 approved, 1 denied, 2 expired, 3 anything else.
import { setTimeout as pause } from 'node:timers/promises';

import { AuthClient } from '@auth0/auth0-auth-js';
import { ManagementClient } from 'auth0';

const OUTCOME = { approved: 0, denied: 1, expired: 2, failed: 3 };

const { env } = process;
// The SDKs' "domain" may have a port.
const domain = new URL(env.CIBA_ISSUER).host;
const client = new AuthClient({
  domain, clientId: env.CIBA_CLIENT_ID, clientSecret: env.CIBA_CLIENT_SECRET,
});

/** Step 1: CIBA names people by user id, the Management API knows who has an e-mail address. */
async function findUser(email) {
  const management = new ManagementClient({
    domain,
    clientId: env.CIBA_MANAGEMENT_CLIENT_ID,
    clientSecret: env.CIBA_MANAGEMENT_CLIENT_SECRET,
  });
  const [user] = await management.users.listUsersByEmail({ email });
  if (!user) throw new Error(`nobody has the address ${email}`);
  return user.user_id;
}

/**
 * Step 1: the request. Step 2 is its answer, which names the request and says how often to look. The
 * number to match stands in it, too; the SDK leaves that out, so it is read as it comes in.
 */
async function start(sub) {
  let matchCode;
  const customFetch = async (...call) => {
    const answer = await fetch(...call);
    ({ match_code: matchCode } = await answer.clone().json().catch(() => ({})));
    return answer;
  };
  const started = await client.initiateBackchannelAuthentication({
    bindingMessage: env.CIBA_MESSAGE,
    loginHint: { sub },
    requestedExpiry: Number(env.CIBA_EXPIRY),
    // Without a scope the SDK asks for offline_access, too.
    authorizationParams: { scope: env.CIBA_SCOPE, audience: env.CIBA_AUDIENCE },
  }, { customFetch });
  return { ...started, matchCode };
}

const retryAfter = (error) => Number(error.headers?.get('retry-after') ?? 0);

/**
 * Step 3: polls no faster than allowed, until the person has answered. Steps 4 to 7 happen on the
 * phone meanwhile. Step 8: the outcome. `backchannelAuthentication` of the SDK is start and wait in
 * one call; two calls let another process go on with the `authReqId` after a restart.
 */
async function wait({ authReqId, interval = 5 }, deadline) {
  let seconds = interval;
  while (Date.now() < deadline) {
    await pause(seconds * 1000);
    try {
      return { name: 'approved', tokens: await client.backchannelAuthenticationGrant({ authReqId }) };
    } catch (error) {
      switch (error.cause?.error) {
        case 'authorization_pending':
          break;
        case 'slow_down':
        case 'too_many_requests':
          seconds = Math.max(seconds + 5, retryAfter(error));
          console.error(`slower: every ${seconds} s`);
          break;
        case 'access_denied':
          // Auth0's dialect has this word for a request that ran out, too; the clock tells.
          return { name: Date.now() < deadline ? 'denied' : 'expired' };
        case 'expired_token':
          return { name: 'expired' };
        default:
          throw error;
      }
    }
  }
  return { name: 'expired' };
}

async function main() {
  const user = await findUser(env.CIBA_EMAIL);
  const begun = Date.now();
  const started = await start(user).catch((error) => {
    // One person is asked five times a minute at most.
    const again = error.statusCode === 429 ? `, try again in ${retryAfter(error)} s` : '';
    throw new Error(`not asked: ${error.cause?.error}: ${error.cause?.error_description}${again}`);
  });
  console.log(`asked ${user}`);
  console.log(`auth_req_id ${started.authReqId}`);
  // Where the client or the tenant asks for a number, the person enters it on the phone.
  if (started.matchCode) console.log(`enter ${started.matchCode} on the phone`);
  const { name, tokens } = await wait(started, begun + started.expiresIn * 1000);
  if (tokens) {
    // The SDK has compared the claims; TLS to the issuer stands in for the signature.
    console.log(`approved by ${tokens.claims.sub} ${tokens.claims.name ?? ''}`);
  } else {
    console.error(name);
  }
  return OUTCOME[name];
}

process.exitCode = await main().catch((error) => {
  console.error(error.message);
  return OUTCOME.failed;
});
