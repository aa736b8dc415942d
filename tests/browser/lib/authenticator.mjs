// The web authenticator as a person uses it: enrolled, asked, answered.
import { window } from './chromium.mjs';
import { home, person, ticketFor } from './house.mjs';

export { home, ticketFor };

/** Loads the app, up to its first screen: the page itself comes without words. */
export async function starts(page) {
  await page.goto(home);
  await page.locator('main h1', { hasText: /\S/ }).waitFor();
}

/** Adds the browser of this page as a device of the person; the code to compare. */
export async function adds(page, user, name = 'Test phone') {
  await page.goto(`${home}#enroll=${await ticketFor(user)}`);
  await page.locator('#device-name').fill(name);
  await page.locator('#add').click();
  await page.locator('#key-code').waitFor();
  return page.locator('#key-code').innerText();
}

/** The same, and on to the requests. */
export async function enrolls(page, user, name) {
  const code = await adds(page, user, name);
  await page.locator('#to-inbox').click();
  await page.locator('#check').waitFor();
  return code;
}

/** A new person with this browser as their device. */
export async function personAt(name, options = {}) {
  const user = await person(name);
  const page = await window({ viewport: { width: 390, height: 844 }, ...options });
  await enrolls(page, user);
  return { user, page };
}

/** Until the service worker has this page: it is active before that. */
export async function isServed(page) {
  await page.waitForFunction(() => navigator.serviceWorker.controller?.state === 'activated');
}

/** Opens the newest request that waits. */
export async function opens(page) {
  await page.locator('#waiting a').first().click();
  await page.locator('#approve').waitFor();
}
