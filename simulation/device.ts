/**
 * Simulates a client's device: timers do not fire during sleep, but late, on waking. The steady
 * clock stops during sleep or continues, as on different systems.
 *
 * @module
 */

import type { ClientClock, ClientTimer } from "../client/mod.ts";
import type { Clock } from "../gateway/ports.ts";

/** Sleeps up to this length cannot be detected (`client/sleep.ts`). */
const SHOWS_MS = 7000;

export class Device implements ClientClock {
  readonly #clock: Clock;
  /** Total time that the steady clock stood still, in finished sleeps. */
  #stoodMs = 0;
  #sleep:
    | { readonly fromMs: number; readonly fromWallMs: number; readonly stands: boolean }
    | undefined;
  #waiting = new Set<() => void>();
  #wokeAtMs = -Infinity;
  #sleepShows = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get asleep(): boolean {
    return this.#sleep !== undefined;
  }

  /** Steady time of the last waking, in milliseconds of the underlying clock. */
  get wokeAtMs(): number {
    return this.#wokeAtMs;
  }

  /**
   * True if the wall clock shows the last sleep: it was long, and the clock was not set back
   * meanwhile.
   */
  get sleepShows(): boolean {
    return this.#sleepShows;
  }

  /** Falls asleep; with `stands`, the steady clock stops too. */
  sleep({ stands }: { readonly stands: boolean }): void {
    this.#sleep ??= { fromMs: this.#clock.steady(), fromWallMs: this.#clock.now(), stands };
  }

  /** Wakes up and fires overdue timers in order. */
  wake(): void {
    if (this.#sleep === undefined) return;
    this.#wokeAtMs = this.#clock.steady();
    this.#sleepShows = this.#clock.now() - this.#sleep.fromWallMs > SHOWS_MS;
    if (this.#sleep.stands) this.#stoodMs += this.#wokeAtMs - this.#sleep.fromMs;
    this.#sleep = undefined;
    const waiting = this.#waiting;
    this.#waiting = new Set();
    for (const fire of waiting) fire();
  }

  /** Wall time, which continues during sleep. */
  now(): number {
    return this.#clock.now();
  }

  /** Monotonic milliseconds. */
  steady(): number {
    const at = this.#sleep?.stands === true ? this.#sleep.fromMs : this.#clock.steady();
    return at - this.#stoodMs;
  }

  /** Calls `callback` once after `delayMs`, rounded up to whole milliseconds, or on waking. */
  setTimer(delayMs: number, callback: () => void): ClientTimer {
    const wholeMs = Math.ceil(delayMs);
    const dueAt = this.steady() + wholeMs;
    let over = false;
    const fire = (): void => {
      if (over) return;
      const leftMs = dueAt - this.steady();
      if (this.asleep) this.#waiting.add(fire);
      else if (leftMs > 0) timer = this.#clock.setTimer(leftMs, fire);
      else {
        over = true;
        callback();
      }
    };
    let timer = this.#clock.setTimer(wholeMs, fire);
    return {
      cancel: () => {
        over = true;
        this.#waiting.delete(fire);
        timer.cancel();
      },
    };
  }
}
