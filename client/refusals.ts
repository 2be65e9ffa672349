/**
 * Counts the tokens in a row that the gateway refused, to tell a fault that heals by itself within seconds,
 * such as an issuer's clock that is ahead, from one that stays (docs/protocol.md, "Close codes").
 *
 * It goes by time alone: the reason of a close is for people, and may change.
 *
 * @module
 */

/** The client gives up at the refusal that counts as this one. */
const MAX_COUNTED = 5;
/** A refusal counts if it comes this long after the last one that counts, so that the row takes a minute. */
const APART_MS = 15_000;

/** A row of refusals. */
export class Refusals {
  #length = 0;
  #counted = 0;
  #countedAt = -Infinity;

  /** Whether there is no sense in another token. */
  get isFinal(): boolean {
    return this.#counted >= MAX_COUNTED;
  }

  /** Adds one at `now`, in steady milliseconds; returns how many came before it. */
  add(now: number): number {
    if (now - this.#countedAt >= APART_MS) {
      this.#counted += 1;
      this.#countedAt = now;
    }
    return this.#length++;
  }

  /** A token was accepted: the row is over. */
  reset(): void {
    this.#length = 0;
    this.#counted = 0;
    this.#countedAt = -Infinity;
  }
}
