/**
 * Delays between attempts: exponential backoff with full jitter, so that the clients of a gateway that restarted
 * do not all reconnect at once (docs/protocol.md, "Close codes").
 *
 * @module
 */

import { CloseCode } from "../gateway/protocol/codes.ts";

const FIRST_MS = 500;
const MAX_MS = 20_000;
/** A session that ends sooner counts as another failure. */
const STABLE_MS = 10_000;
/**
 * The number of refusals after which another token would not help. Only refusals this far apart count, so that
 * giving up takes a minute: an issuer's clock may be ahead for some seconds (docs/protocol.md, "Close codes").
 */
const MAX_REFUSALS = 5;
const REFUSALS_APART_MS = 15_000;

/** The delay doubles with each consecutive failure. */
export class Backoff {
  readonly #random: () => number;
  #failures = 0;

  /** `random` returns numbers in [0, 1). */
  constructor(random: () => number) {
    this.#random = random;
  }

  /** Counts a failure; returns the delay after it, in milliseconds. */
  next(): number {
    const limitMs = Math.min(MAX_MS, FIRST_MS * 2 ** this.#failures);
    this.#failures += 1;
    return Math.round(this.#random() * limitMs);
  }

  /** Sets the number of consecutive failures; `Infinity` makes the next delay the longest. */
  reset(failures = 0): void {
    this.#failures = failures;
  }
}

/** The delays between connections, which depend on how each ended. Times are in steady milliseconds. */
export class ReconnectBackoff extends Backoff {
  #readyAt: number | undefined;
  /** Refusals since the last session; those that count; and the time of the last that did. */
  #refusals = 0;
  #counted = 0;
  #countedAt = -Infinity;

  /** True if another token would not help. */
  get isFinallyRefused(): boolean {
    return this.#counted >= MAX_REFUSALS;
  }

  /** A session starts. */
  ready(now: number): void {
    this.#readyAt = now;
    this.#refusals = this.#counted = 0;
    this.#countedAt = -Infinity;
  }

  /** The client ended its session for a while, which is no failure. */
  paused(): void {
    this.#readyAt = undefined;
    this.reset();
  }

  /** A connection ended with `code`. */
  ended(code: number, now: number): void {
    if (this.#readyAt !== undefined) {
      const tookMs = now - this.#readyAt;
      if (tookMs >= STABLE_MS || code === CloseCode.ServiceRestart.code) this.reset();
      this.#readyAt = undefined;
    } else if (code === CloseCode.IdentifyFailed.code) {
      // The gateway was reached, so earlier failures no longer count.
      this.reset(this.#refusals++);
      // By time alone, because the reason of a close may change.
      if (now - this.#countedAt >= REFUSALS_APART_MS) {
        this.#counted++;
        this.#countedAt = now;
      }
    }
    // The same bug would soon close it again; see docs/protocol.md, "Rate limit".
    if (code === CloseCode.RateLimited.code) this.reset(Infinity);
  }
}
