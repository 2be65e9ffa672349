/**
 * Exponential backoff with full jitter, so that the clients of a gateway that restarted do not all reconnect
 * at once (docs/protocol.md, "Close codes").
 *
 * @module
 */

const FIRST_MS = 500;
const MAX_MS = 20_000;

/** Returns the delay after consecutive `failures`, in milliseconds. `random` returns numbers in [0, 1). */
export function backoffMs(failures: number, random: () => number): number {
  return Math.round(random() * Math.min(MAX_MS, FIRST_MS * 2 ** Math.min(failures, 10)));
}
