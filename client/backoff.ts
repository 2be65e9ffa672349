/**
 * How long to wait before the next attempt: exponential backoff with full jitter, so that the clients of a
 * gateway that went away do not all come back at once (docs/protocol.md, "Close codes").
 *
 * @module
 */

const FIRST_MS = 500;
const MAX_MS = 20_000;

/** The delay after so many failures in a row, in milliseconds; `random` gives a number in [0, 1). */
export function backoffMs(failures: number, random: () => number): number {
  return Math.round(random() * Math.min(MAX_MS, FIRST_MS * 2 ** Math.min(failures, 10)));
}
