/**
 * Counts consecutive refusals of tokens, to tell a temporary fault, such as an issuer's clock that is ahead,
 * from a permanent one (docs/protocol.md, "Close codes"). It uses time alone, because the reason of a close
 * may change.
 *
 * @module
 */

/** The client gives up at this count. */
const MAX_COUNTED = 5;
/** The time between two refusals that count, so that giving up takes a minute. */
const APART_MS = 15_000;

export class Refusals {
  #length = 0;
  #counted = 0;
  #countedAt = -Infinity;

  /** True if another token would not help. */
  get isFinal(): boolean {
    return this.#counted >= MAX_COUNTED;
  }

  /** Adds one at `now`, in steady milliseconds; returns the number before it. */
  add(now: number): number {
    if (now - this.#countedAt >= APART_MS) {
      this.#counted += 1;
      this.#countedAt = now;
    }
    return this.#length++;
  }
}
