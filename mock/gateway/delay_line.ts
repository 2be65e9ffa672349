/**
 * One direction of a connection that takes its time: what is passed in comes out later, in order.
 *
 * @module
 */

import type { Clock } from "../../gateway/ports.ts";

/** One direction of a connection. */
export class DelayLine {
  readonly #clock: Clock;
  #lastMs = -Infinity;
  #waiting = 0;
  #stopped = false;

  /** A line on which nothing is under way. */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Does `act` after `delayMs` of virtual time, but never before what was passed earlier. */
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

  /** Forgets what is under way, and does nothing more. */
  stop(): void {
    this.#stopped = true;
  }
}
