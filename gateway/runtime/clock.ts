/**
 * The machine's clock as the gateway's {@linkcode Clock}. Nothing else in the gateway reads a clock or sets a
 * timer.
 *
 * Hides three properties of the runtime's timers: they take no delay over 2^31 - 1 ms, may fire a little early,
 * and cost 0.9 KB each.
 *
 * @module
 */

import type { Clock, Timer } from "../ports.ts";
import { TimerQueue } from "./timer_queue.ts";

/** The longest delay of a runtime timer, in milliseconds. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** The runtime's functions; replaced in tests. */
export interface TimeSource {
  /** Wall time in unix milliseconds. */
  wall(): number;
  /** Milliseconds since an arbitrary moment; never goes back. */
  monotonic(): number;
  /** Calls `callback` about `delayMs` from now; returns a function that cancels. */
  setTimer(delayMs: number, callback: () => void): () => void;
}

const NEVER: Timer = { cancel: () => {} };

const RUNTIME: TimeSource = {
  wall: () => Date.now(),
  monotonic: () => performance.now(),
  setTimer: (delayMs, callback) => {
    const handle = setTimeout(callback, delayMs);
    return () => clearTimeout(handle);
  },
};

/** The machine's clock. All its timers share one of the runtime's. */
export class SystemClock implements Clock {
  readonly #source: TimeSource;
  /** Added to monotonic time, makes steady time. */
  readonly #anchorMs: number;
  readonly #timers = new TimerQueue(() => this.#disarm());
  /** The due time of the runtime's timer. */
  #armedForMs = Infinity;
  #cancel = (): void => {};

  constructor(source: TimeSource = RUNTIME) {
    this.#source = source;
    this.#anchorMs = source.wall() - source.monotonic();
  }

  now(): number {
    return this.#source.wall();
  }

  steady(): number {
    return this.#anchorMs + this.#source.monotonic();
  }

  /** Never fires early: the runtime's timer is set again for the rest. */
  setTimer(delayMs: number, callback: () => void): Timer {
    if (delayMs === Infinity) return NEVER;
    // On the scale of `steady()`, so that a deadline computed from it has passed when the timer fires.
    const timer = this.#timers.add(this.steady() + delayMs, callback);
    this.#arm();
    return timer;
  }

  /** Sets the runtime's timer for the first one. */
  #arm(): void {
    const { first } = this.#timers;
    if (first === undefined || first.dueMs >= this.#armedForMs) return;
    this.#disarm();
    this.#armedForMs = first.dueMs;
    const leftMs = Math.ceil(Math.max(0, first.dueMs - this.steady()));
    this.#cancel = this.#source.setTimer(Math.min(leftMs, MAX_TIMER_MS), () => this.#fire());
  }

  #disarm(): void {
    this.#cancel();
    this.#armedForMs = Infinity;
  }

  #fire(): void {
    this.#armedForMs = Infinity;
    const now = this.steady();
    // Timers set meanwhile wait: a timer of 0 ms must let other work run first.
    const { added } = this.#timers;
    try {
      for (;;) {
        const { first } = this.#timers;
        if (first === undefined || first.dueMs > now || first.order >= added) break;
        first.cancel();
        first.callback();
      }
    } finally {
      // Also if a callback throws.
      this.#arm();
    }
  }
}
