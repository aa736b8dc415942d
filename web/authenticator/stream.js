// Server-sent events by `fetch`: `EventSource` cannot send a proof.

/** A stream says something every 15 seconds; a silent one is dead. */
const SILENCE_MS = 40_000;
/** No event of ours is longer. */
const MOST = 64 * 1024;

/**
 * The events of a body, until it ends.
 * @param {Response} answer
 * @param {AbortController} ends
 * @param {(name: string, data: string) => void} hears
 */
export async function events(answer, ends, hears) {
  const reader = (answer.body ?? new ReadableStream()).pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  for (;;) {
    const silence = setTimeout(() => ends.abort(), SILENCE_MS);
    const { value, done } = await reader.read().finally(() => clearTimeout(silence));
    if (done) return;
    text += value;
    const parts = text.split(/\r?\n\r?\n/);
    text = parts.pop() ?? '';
    if (text.length > MOST) throw new RangeError('an event without an end');
    for (const part of parts) hear(part, hears);
  }
}

/**
 * @param {string} part
 * @param {(name: string, data: string) => void} hears
 */
function hear(part, hears) {
  let name = 'message';
  const data = [];
  for (const line of part.split(/\r?\n/)) {
    const at = line.indexOf(':');
    if (at === 0) continue;
    const field = at < 0 ? line : line.slice(0, at);
    const value = at < 0 ? '' : line.slice(at + 1).replace(/^ /, '');
    if (field === 'event') name = value;
    if (field === 'data') data.push(value);
  }
  if (data.length > 0) hears(name, data.join('\n'));
}
