// Talks to the browser's authenticator, for the sign-in page and the passkeys page. Everything it
// says stands in the page's own language in `data-` attributes; everything it decides, the server does.

/** @param {string} text */
function bytes(text) {
  const base64 = text.replace(/-/g, '+').replace(/_/g, '/');
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
}

/** @param {ArrayBuffer | null | undefined} buffer */
function text(buffer) {
  if (!buffer) return undefined;
  const letters = Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join('');
  return btoa(letters).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
}

/**
 * What the server offers, with bytes where browsers want them.
 * @param {any} options
 */
function decoded(options) {
  const named = (/** @type {any} */ one) => ({ ...one, id: bytes(one.id) });
  const all = { ...options, challenge: bytes(options.challenge) };
  if (options.user) all.user = { ...options.user, id: bytes(options.user.id) };
  if (options.excludeCredentials) all.excludeCredentials = options.excludeCredentials.map(named);
  if (options.allowCredentials) all.allowCredentials = options.allowCredentials.map(named);
  return all;
}

/**
 * What an authenticator answered, with text where JSON wants it.
 * @param {PublicKeyCredential} credential
 */
function encoded(credential) {
  const said = /** @type {any} */ (credential.response);
  return {
    id: credential.id,
    rawId: text(credential.rawId),
    type: credential.type,
    extensions: {},
    response: {
      clientDataJSON: text(said.clientDataJSON),
      attestationObject: text(said.attestationObject),
      authenticatorData: text(said.authenticatorData),
      signature: text(said.signature),
      userHandle: text(said.userHandle),
    },
  };
}

/**
 * @param {string} address
 * @param {string | undefined} token
 * @param {object} body
 */
async function post(address, token, body) {
  const headers = { 'content-type': 'application/json', ...(token ? { 'x-form-token': token } : {}) };
  const answer = await fetch(address, { method: 'POST', headers, body: JSON.stringify(body) });
  if (answer.status === 401) location.reload();
  if (!answer.ok) throw Object.assign(new Error('refused'), { status: answer.status });
  return answer.json();
}

/**
 * Once there and back.
 * @param {DOMStringMap} page
 * @param {string} name
 */
async function ceremony(page, name) {
  const { challenge, options } = await post(page.begin ?? '', page.token, {});
  const publicKey = decoded(options);
  const made = page.passkey === 'add'
    ? await navigator.credentials.create({ publicKey })
    : await navigator.credentials.get({ publicKey });
  const credential = encoded(/** @type {PublicKeyCredential} */ (made));
  const { to } = await post(page.finish ?? '', page.token, { challenge, credential, name, next: page.next });
  location.assign(to);
}

for (const place of document.querySelectorAll('[data-passkey]')) {
  const element = /** @type {HTMLElement} */ (place);
  const page = element.dataset;
  const button = /** @type {HTMLButtonElement} */ (element.querySelector('button'));
  const status = /** @type {HTMLElement} */ (element.querySelector('.status'));
  const name = /** @type {HTMLInputElement | null} */ (element.querySelector('input'));
  const begin = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (button.disabled) return;
    button.disabled = true;
    status.textContent = page.wait ?? '';
    try {
      await ceremony(page, name?.value ?? '');
    } catch (error) {
      const code = /** @type {any} */ (error).status;
      status.textContent = (code === 403 ? page.unknown : code === 429 ? page.many : page.failed) ?? '';
      button.disabled = false;
      button.focus();
    }
  };
  if (!window.PublicKeyCredential) {
    status.textContent = page.unsupported ?? '';
    continue;
  }
  button.hidden = false;
  element.addEventListener(page.passkey === 'add' ? 'submit' : 'click', (event) => {
    if (page.passkey === 'add' || event.target === button) begin(event);
  });
}
