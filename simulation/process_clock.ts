/**
 * A clock that stops with its process.
 *
 * @module
 */

import type { Clock, Timer } from "../gateway/ports.ts";
import type { FakeClock } from "../mock/doubles/clock.ts";

interface ProcessClockOptions {
  readonly markDirty: () => void;
  /** Timers up to this long call `markDirty` when they fire… */
  readonly dirtyUpToMs: number;
  /** …except those of exactly this length. */
  readonly quietMs?: number;
}

/** A clock that stops with its process and counts its timers. */
export class ProcessClock implements Clock {
  readonly #clock: FakeClock;
  readonly #options: ProcessClockOptions;
  #pending = 0;
  #dead = false;

  constructor(clock: FakeClock, options: ProcessClockOptions) {
    this.#clock = clock;
    this.#options = options;
  }

  get dead(): boolean {
    return this.#dead;
  }

  /** Number of set timers. */
  get pending(): number {
    return this.#pending;
  }

  now(): number {
    return this.#clock.now();
  }

  steady(): number {
    return this.#clock.steady();
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    if (delayMs === Infinity) return { cancel: () => {} };
    const { markDirty, dirtyUpToMs, quietMs } = this.#options;
    let set = true;
    this.#pending++;
    const timer = this.#clock.setTimer(delayMs, () => {
      set = false;
      this.#pending--;
      if (this.#dead) return;
      if (delayMs <= dirtyUpToMs && delayMs !== quietMs) markDirty();
      callback();
    });
    return {
      cancel: () => {
        if (!set) return;
        set = false;
        this.#pending--;
        timer.cancel();
      },
    };
  }

  /** Stops all timers. */
  die(): void {
    this.#dead = true;
  }
}
