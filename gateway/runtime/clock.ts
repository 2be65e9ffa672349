/**
 * The clock of the machine as the gateway's {@linkcode Clock}.
 *
 * Hides two things about the runtime's timers: that they take no delay over 2^31 - 1 ms, and that they
 * may fire a little before their time. Nothing else in the gateway reads a clock or sets a timer.
 *
 * @module
 */

import type { Clock, Timer } from "../ports.ts";

/** The longest delay that a timer of the runtime takes, in milliseconds. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** What {@linkcode SystemClock} asks the runtime for; another one in tests. */
export interface TimeSource {
  /** Wall time in unix milliseconds. */
  wall(): number;
  /** Milliseconds since some moment, which never go back. */
  monotonic(): number;
  /** Calls `callback` about `delayMs` from now, unless what it returns is called before. */
  setTimer(delayMs: number, callback: () => void): () => void;
}

const RUNTIME: TimeSource = {
  wall: () => Date.now(),
  monotonic: () => performance.now(),
  setTimer: (delayMs, callback) => {
    const handle = setTimeout(callback, delayMs);
    return () => clearTimeout(handle);
  },
};

/** The machine's clock. */
export class SystemClock implements Clock {
  readonly #source: TimeSource;
  /** What makes monotonic time look like unix time. */
  readonly #anchorMs: number;

  /** Anchors steady time to the wall's. @param source where time comes from, the runtime unless a test says otherwise */
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

  /** Never early: a timer that the runtime fires before its time is set again for the rest. */
  setTimer(delayMs: number, callback: () => void): Timer {
    const source = this.#source;
    // On the scale of `steady`, so that a deadline taken from it has passed when its timer fires.
    const dueMs = this.steady() + delayMs;
    let cancel: () => void;
    const arm = (): void => {
      const leftMs = Math.ceil(Math.max(0, dueMs - this.steady()));
      cancel = source.setTimer(Math.min(leftMs, MAX_TIMER_MS), fire);
    };
    const fire = (): void => {
      if (this.steady() < dueMs) arm();
      else callback();
    };
    arm();
    return { cancel: () => cancel() };
  }
}
