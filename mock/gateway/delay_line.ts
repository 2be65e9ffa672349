/**
 * Delays one direction of a connection, in order.
 *
 * @module
 */

import type { Clock } from "../../gateway/ports.ts";

export class DelayLine {
  readonly #clock: Clock;
  #lastMs = -Infinity;
  #waiting = 0;
  #stopped = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Calls `act` after `delayMs` of virtual time, and after everything that was passed before. */
  pass(delayMs: number, act: () => void): void {
    if (this.#stopped) return;
    const now = this.#clock.steady();
    const at = Math.max(this.#lastMs, now + delayMs);
    if (at === now && this.#waiting === 0) return act();
    this.#lastMs = at;
    this.#waiting += 1;
    this.#clock.setTimer(at - now, () => {
      this.#waiting -= 1;
      if (!this.#stopped) act();
    });
  }

  /** Drops what is delayed, and everything passed from now on. */
  stop(): void {
    this.#stopped = true;
  }
}
