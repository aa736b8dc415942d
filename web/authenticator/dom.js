// Making what is seen. Text is only ever text: nothing here or elsewhere makes elements from it.

/** @typedef {Node | string | null | undefined | false} Child */

/**
 * An element with attributes, listeners (`onclick`) and children.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} name
 * @param {Record<string, any>} [attributes]
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function h(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    if (key.startsWith('on')) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? '' : String(value));
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/**
 * Text that others wrote: in an element of its own, with a direction of its own.
 * @param {string} text
 * @param {string} [kind] a class
 */
export const foreign = (text, kind) => h('bdi', { dir: 'auto', class: kind }, text);

/** @param {string} id */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`there is no ${id}`);
  return found;
}

/**
 * Tells those who listen instead of looking; politely, or at once.
 * @param {string} text
 * @param {'told' | 'alarm'} [where]
 */
export function tell(text, where = 'told') {
  const place = byId(where);
  // The same sentence again is a new one.
  place.textContent = place.textContent === text ? `${text}\u00a0` : text;
}
