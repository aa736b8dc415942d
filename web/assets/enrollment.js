// The enrollment page goes on by itself once a device has used its code. What it says, the server
// says: this sends the form that the person could send, too.

const LOOK_EVERY_MS = 2_000;

/** @param {string} address @param {HTMLFormElement} form */
async function isWaiting(address, form) {
  const body = new URLSearchParams(/** @type {any} */ (new FormData(form)));
  const answer = await fetch(address, { method: 'POST', body });
  return !answer.ok || (await answer.json()).state === 'waiting';
}

// Safari of an iPad says that it is a Mac, and no Mac has a screen for fingers.
if (/Macintosh/.test(navigator.userAgent) && navigator.maxTouchPoints > 1) {
  for (const one of document.querySelectorAll('[data-ipad]')) one.removeAttribute('hidden');
  for (const one of document.querySelectorAll('[data-no-ipad]')) one.setAttribute('hidden', '');
}

const place = /** @type {HTMLElement | null} */ (document.querySelector('[data-state]'));
const check = /** @type {HTMLFormElement | null} */ (document.querySelector('#check'));

async function look() {
  const address = place?.dataset.state;
  if (!address || !check) return;
  // Without a network the next look may find one.
  const goesOn = document.visibilityState === 'visible'
    && !(await isWaiting(address, check).catch(() => true));
  if (goesOn) check.requestSubmit();
  else setTimeout(look, LOOK_EVERY_MS);
}

look();
