// What time it is at the server. A device's clock may be off; the server says so, and we go by its.

/** Seconds that the server's clock is ahead of ours. */
let ahead = 0;
/** @type {(seconds: number) => void} */
let listener = () => undefined;

/** Unix seconds at the server. */
export const now = () => Math.floor(Date.now() / 1000 + ahead);

/** How far our own clock is off, in seconds: negative if it is slow. */
export const offBy = () => -ahead;

/**
 * Goes by the server's `Date`.
 * @param {string | null} date
 */
export function correct(date) {
  const told = Date.parse(date ?? '');
  if (Number.isNaN(told)) return false;
  ahead = Math.round((told - Date.now()) / 1000);
  listener(offBy());
  return true;
}

/** @param {(seconds: number) => void} heard */
export const onCorrection = (heard) => { listener = heard; };
