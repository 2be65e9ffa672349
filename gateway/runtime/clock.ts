/**
 * The clock of the machine as the gateway's {@linkcode Clock}.
 *
 * Hides three things about the runtime's timers: that they take no delay over 2^31 - 1 ms, that they may fire
 * a little before their time, and that each takes 0.9 KB. Nothing else in the gateway reads a clock or sets a timer.
 *
 * @module
 */

import type { Clock, Timer } from "../ports.ts";
import { TimerQueue } from "./timer_queue.ts";

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

const NEVER: Timer = { cancel: () => {} };

const RUNTIME: TimeSource = {
  wall: () => Date.now(),
  monotonic: () => performance.now(),
  setTimer: (delayMs, callback) => {
    const handle = setTimeout(callback, delayMs);
    return () => clearTimeout(handle);
  },
};

/** The machine's clock. All of its timers share one of the runtime's. */
export class SystemClock implements Clock {
  readonly #source: TimeSource;
  /** What makes monotonic time look like unix time. */
  readonly #anchorMs: number;
  readonly #timers = new TimerQueue(() => this.#disarm());
  /** What the runtime's timer is set for. */
  #armedForMs = Infinity;
  #cancel = (): void => {};

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
    if (delayMs === Infinity) return NEVER;
    // On the scale of `steady`, so that a deadline taken from it has passed when its timer fires.
    const timer = this.#timers.add(this.steady() + delayMs, callback);
    this.#arm();
    return timer;
  }

  /** Sees to it that the runtime calls by the time that the first timer is due. */
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
    // Those that are set meanwhile have to wait: one of 0 ms is to let other things have their turn.
    const { added } = this.#timers;
    try {
      for (;;) {
        const { first } = this.#timers;
        if (first === undefined || first.dueMs > now || first.order >= added) break;
        first.cancel();
        first.callback();
      }
    } finally {
      // Also for the others when one throws.
      this.#arm();
    }
  }
}
