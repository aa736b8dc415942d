// The service worker: keeps the app's files, so that what was decided can be read without a network,
// and tells the person of a push in general words. It has no key and answers nothing.

const CACHE = 'aizuchi-authenticator {version}';
const FOLDER = new URL('files/{version}/', self.registration.scope);
const FILES = `{files}`.split('\n').map((path) => new URL(path, FOLDER).href);
const PAGE = self.registration.scope;
/** Where the words of the last language are kept. */
const WORDS = new URL('kept/notice', PAGE).href;
const NAME = `aizuchi-words ${new URL(PAGE).pathname}`;

self.addEventListener('install', (event) => {
  const keep = async () => {
    const cache = await caches.open(`${CACHE} ${new URL(PAGE).pathname}`);
    await cache.addAll([PAGE, ...FILES]);
    await self.skipWaiting();
  };
  event.waitUntil(keep());
});

self.addEventListener('activate', (event) => {
  const clean = async () => {
    const path = new URL(PAGE).pathname;
    const isOld = (name) => name.startsWith('aizuchi-authenticator ') && name.endsWith(` ${path}`) && !name.startsWith(CACHE);
    for (const name of await caches.keys()) if (isOld(name)) await caches.delete(name);
    await self.clients.claim();
  };
  event.waitUntil(clean());
});

self.addEventListener('fetch', (event) => {
  const { request } = event;
  if (request.method !== 'GET') return;
  // The page as the server has it, or as it was: files of one version belong together.
  if (request.mode === 'navigate') event.respondWith(fetch(request).catch(() => caches.match(PAGE, { ignoreVary: true })));
  else if (request.url.startsWith(FOLDER.href)) event.respondWith(caches.match(request, { ignoreVary: true }).then((kept) => kept ?? fetch(request)));
});

self.addEventListener('message', (event) => {
  if (event.data?.kind !== 'words') return;
  const keep = async () => (await caches.open(NAME)).put(WORDS, new Response(JSON.stringify(event.data.notice)));
  event.waitUntil(keep());
});

/** The request's name and nothing else is in a push; whoever holds the phone reads no more than that. */
function told(data) {
  try {
    const { kind, request } = data.json();
    return { kind, request: typeof request === 'string' ? request : '' };
  } catch {
    return { kind: 'request', request: '' };
  }
}

self.addEventListener('push', (event) => {
  const notify = async () => {
    const { kind, request } = told(event.data);
    for (const client of await self.clients.matchAll({ type: 'window' })) client.postMessage({ kind: 'push', request });
    if (kind === 'withdrawn') {
      for (const shown of await self.registration.getNotifications({ tag: request })) shown.close();
      return;
    }
    const words = await (await caches.match(WORDS))?.json();
    const { title, text } = words ?? { title: 'A request is waiting', text: 'Open the authenticator to read it.' };
    await self.registration.showNotification(title, {
      body: text, tag: request, data: { request }, requireInteraction: true,
      icon: new URL('icons/192.png', FOLDER).href, badge: new URL('icons/badge.png', FOLDER).href,
    });
  };
  event.waitUntil(notify());
});

self.addEventListener('notificationclick', (event) => {
  const { request } = event.notification.data ?? {};
  event.notification.close();
  const open = async () => {
    const [client] = await self.clients.matchAll({ type: 'window' });
    if (client) {
      client.postMessage({ kind: request ? 'open' : 'push', request });
      return client.focus();
    }
    return self.clients.openWindow(request ? `${PAGE}#/request/${encodeURIComponent(request)}` : PAGE);
  };
  event.waitUntil(open());
});
