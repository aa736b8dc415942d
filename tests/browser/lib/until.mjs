// Waiting for a state that nobody tells of.
import { setTimeout as pause } from 'node:timers/promises';

/** What is not so by then is a failure; nothing takes near as long. */
const PATIENCE_MS = 60_000;

/** Calls back until it says something, and gives that. */
export async function until(what, look) {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    const seen = await look();
    if (seen) return seen;
    if (Date.now() > end) throw new Error(`${what}: not within ${PATIENCE_MS / 1000} s`);
    await pause(50);
  }
}
