// What `aizuchi dev --json` printed: where the server is and the sample data to use.
import { readFileSync } from 'node:fs';

export const card = JSON.parse(process.env.AIZUCHI_CARD);

/** The issuer as the SDKs call it: host and port. */
export const domain = new URL(card.issuer).host;

/** For one answer: as long as the slowest machine may take. */
export const PATIENCE_MS = 60_000;

/** Recorded requests of a real device SDK. */
export const recorded = JSON.parse(
  readFileSync(new URL('../../../../testkit/vectors/guardian-android.json', import.meta.url)));

/** Moves the server's clock. Keep it small: the SDKs' own clocks stay where they are. */
export async function advance(seconds) {
  const answer = await fetch(new URL(`dev/clock/advance?seconds=${seconds}`, card.http), { method: 'POST' });
  if (!answer.ok) throw new Error(`the clock said ${answer.status}`);
}

/** The pushes that went to a push token, newest first. */
export async function pushes(token) {
  const answer = await fetch(new URL(`dev/tray/${encodeURIComponent(token)}`, card.http));
  if (!answer.ok) throw new Error(`the tray said ${answer.status}`);
  return answer.json();
}
