// What the app says, from the same Fluent files as the server's pages; and numbers, times and names as
// the reader's language writes them.

/** @typedef {string | Part[]} Saying */
/** @typedef {string | {is: string} | {by: string, of: Record<string, Saying>, or: string}} Part */
/** @typedef {Record<string, string | number>} Values */

/** @type {Record<string, Saying>} */
let sayings = {};
/** The language that is spoken now. */
export let language = 'en';
/** The reader's own locale: its region chooses how numbers and times are written. */
let locale = 'en';

/** Languages that there are words in, with what their speakers call them. */
export const LANGUAGES = [['en', 'English'], ['ja', '日本語']];

/**
 * The language to speak: the one that was chosen, or the first of the browser's that is known.
 * @param {string | undefined} chosen
 * @param {readonly string[]} wanted
 */
export function choose(chosen, wanted) {
  const known = (/** @type {string} */ tag) => LANGUAGES.map(([code]) => code).find((code) => tag.toLowerCase().split('-')[0] === code);
  if (chosen && known(chosen)) return { language: chosen, locale: wanted.find((tag) => known(tag) === chosen) ?? chosen };
  const tag = wanted.find(known);
  return { language: (tag && known(tag)) ?? 'en', locale: tag ?? 'en' };
}

/**
 * @param {Record<string, Saying>} words
 * @param {{language: string, locale: string}} chosen
 */
export function speak(words, chosen) {
  sayings = words;
  ({ language, locale } = chosen);
}

/**
 * @param {Saying} saying
 * @param {Values} values
 * @returns {string}
 */
function put(saying, values) {
  if (typeof saying === 'string') return saying;
  return saying.map((part) => {
    if (typeof part === 'string') return part;
    if ('is' in part) {
      const value = values[part.is];
      return typeof value === 'number' ? number(value) : isolated(value ?? '');
    }
    const value = values[part.by];
    const exact = String(value);
    const plural = typeof value === 'number' ? new Intl.PluralRules(language).select(value) : '';
    return put(part.of[exact] ?? part.of[plural] ?? part.of[part.or] ?? '', values);
  }).join('');
}

/**
 * What is said under this key.
 * @param {string} key
 * @param {Values} [values]
 */
export function say(key, values = {}) {
  const saying = sayings[key];
  if (saying === undefined) console.error(`nothing is said under ${key}`);
  return put(saying ?? key, values);
}

/**
 * Foreign text in ours: it cannot turn what stands around it.
 * @param {string} text
 */
export const isolated = (text) => `\u2068${text}\u2069`;

/** @param {number} value */
export const number = (value) => new Intl.NumberFormat(locale).format(value);

/**
 * A moment, as a day and a time.
 * @param {number} seconds Unix time
 */
export const moment = (seconds) => new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short' }).format(seconds * 1000);

/**
 * An amount of money, if it is one: `24800`, `JPY`.
 * @param {unknown} amount
 * @param {unknown} currency
 */
export function money(amount, currency) {
  const isAmount = typeof amount === 'number' || (typeof amount === 'string' && /^-?\d{1,15}(\.\d{1,6})?$/.test(amount));
  if (!isAmount || typeof currency !== 'string' || !/^[A-Za-z]{3}$/.test(currency)) return undefined;
  const decimals = String(amount).split('.')[1]?.length ?? 0;
  const format = new Intl.NumberFormat(locale, { style: 'currency', currency: currency.toUpperCase() });
  const usual = format.resolvedOptions().maximumFractionDigits ?? 2;
  // No digit that was sent is rounded away.
  const exact = { minimumFractionDigits: usual, maximumFractionDigits: Math.max(usual, decimals) };
  return new Intl.NumberFormat(locale, { style: 'currency', currency: currency.toUpperCase(), ...exact })
    .format(/** @type {any} */ (String(amount)));
}

/**
 * How much time is left, in the unit that says enough.
 * @param {number} seconds
 */
export function left(seconds) {
  const rest = Math.max(0, Math.ceil(seconds));
  if (rest >= 7200) return say('left-hours', { count: Math.floor(rest / 3600) });
  if (rest >= 120) return say('left-minutes', { count: Math.floor(rest / 60) });
  return say('left-seconds', { count: rest });
}
