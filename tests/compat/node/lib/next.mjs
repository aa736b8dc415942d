// What `@auth0/nextjs-auth0` needs of a Next server: the request that is being handled. Import this
// first: Next wants the global before it is loaded.
import { AsyncLocalStorage } from 'node:async_hooks';
import { createRequire } from 'node:module';

globalThis.AsyncLocalStorage = AsyncLocalStorage;
const require = createRequire(import.meta.url);
const { workAsyncStorage } = require('next/dist/server/app-render/work-async-storage.external.js');
const { workUnitAsyncStorage } = require('next/dist/server/app-render/work-unit-async-storage.external.js');

/** Does `work` as a server action does. */
export const handling = (work) => workAsyncStorage.run({ route: '/pay' }, () =>
  workUnitAsyncStorage.run({ type: 'request', phase: 'action', headers: new Headers() }, work));
