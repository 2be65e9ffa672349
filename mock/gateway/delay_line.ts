/**
 * Delays one direction of a connection, or holds it up, in order.
 *
 * @module
 */

import type { Clock } from "../../gateway/ports.ts";

export class DelayLine {
  readonly #clock: Clock;
  #lastMs = -Infinity;
  #waiting = 0;
  #stopped = false;
  readonly #holders = new Set<string>();
  #held: { readonly delayMs: number; readonly act: () => void }[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Calls `act` after `delayMs` of virtual time, and after everything that was passed before. */
  pass(delayMs: number, act: () => void): void {
    if (this.#stopped) return;
    if (this.#holders.size > 0) return void this.#held.push({ delayMs, act });
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

  /** Holds up everything that is passed from now on, until each `holder` has released it. */
  hold(holder: string): void {
    this.#holders.add(holder);
  }

  release(holder: string): void {
    this.#holders.delete(holder);
    if (this.#holders.size > 0) return;
    const held = this.#held;
    this.#held = [];
    for (const { delayMs, act } of held) this.pass(delayMs, act);
  }

  /** Drops what is delayed, and everything passed from now on. */
  stop(): void {
    this.#stopped = true;
  }
}
