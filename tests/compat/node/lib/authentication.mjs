// The authentication client of npm `auth0`, whichever major it is of, against the running server.
import assert from 'node:assert/strict';

import { card, domain, PATIENCE_MS } from './card.mjs';

export function backchannelOf(AuthenticationClient, scope) {
  const auth = new AuthenticationClient({
    domain, clientId: card.client.client_id, clientSecret: card.client.client_secret, timeoutDuration: PATIENCE_MS,
  });
  return {
    auth,
    start: (user, more = {}) => auth.backchannel.authorize({
      userId: user.user_id, binding_message: '21-49-38', scope,
      audience: card.api.identifier, ...more,
    }),
    poll: (started) => auth.backchannel.backchannelGrant({ auth_req_id: started.auth_req_id }),
  };
}

// Status and error of a call that must fail.
export async function failure(promise) {
  const error = await promise.then(() => assert.fail('no error'), (thrown) => thrown);
  assert.equal(error.name, 'AuthApiError');
  return [error.statusCode, error.error];
}
