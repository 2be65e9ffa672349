/**
 * A clock that stands still until a test moves it: virtual time for everything that takes a `Clock`.
 *
 * It must not look at real time, and nothing in
 * it waits for any.
 *
 * @module
 */

import { setImmediate } from "node:timers";
import type { Clock, Timer } from "../../gateway/ports.ts";
import { TimerQueue } from "../../gateway/runtime/timer_queue.ts";

/** How a {@linkcode FakeClock} begins. */
export interface FakeClockOptions {
  /** Unix milliseconds at which it starts; 1,700,000,000,000 unless told. */
  readonly startMs?: number;
}

/**
 * Resolves once every promise that can settle by itself has settled. It does not wait for work outside
 * of JavaScript, such as cryptography, files and sockets.
 */
export function settle(): Promise<void> {
  // An immediate runs after all microtasks, those that microtasks add among them.
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/**
 * Virtual time. Timers fire in the order of their due times, those of the same due time in the order
 * in which they were set. Setting, cancelling and firing one takes O(log n).
 */
export class FakeClock implements Clock {
  #steadyMs: number;
  #wallOffsetMs = 0;
  #advancing = false;
  readonly #timers = new TimerQueue();

  /** Starts a clock; it stands still. */
  constructor(options: FakeClockOptions = {}) {
    this.#steadyMs = options.startMs ?? 1_700_000_000_000;
  }

  /** Wall time in unix milliseconds. */
  now(): number {
    return this.#steadyMs + this.#wallOffsetMs;
  }

  /** Steady time in milliseconds: the same as {@linkcode now} until somebody jumps the wall clock. */
  steady(): number {
    return this.#steadyMs;
  }

  /** How many timers are set. */
  get pending(): number {
    return this.#timers.size;
  }

  /**
   * Sets a timer. One of infinite delay is never due and not kept.
   *
   * @throws {RangeError} for a negative delay or NaN: `Clock` allows neither
   */
  setTimer(delayMs: number, callback: () => void): Timer {
    if (!(delayMs >= 0)) throw new RangeError(`a timer cannot be due in ${delayMs} ms`);
    if (delayMs === Infinity) return { cancel: () => {} };
    return this.#timers.add(this.#steadyMs + delayMs, callback);
  }

  /** When the next timer is due, in steady milliseconds; `undefined` when none is set. */
  nextDue(): number | undefined {
    return this.#timers.first?.dueMs;
  }

  /**
   * Moves time to the next timer due at or before `untilMs` (steady) and calls it. Returns whether
   * there was one; if not, time stays. For simulators that settle promises themselves.
   */
  fireNext(untilMs = Infinity): boolean {
    const { first } = this.#timers;
    if (first === undefined || first.dueMs > untilMs) return false;
    first.cancel();
    this.#steadyMs = Math.max(this.#steadyMs, first.dueMs);
    first.callback();
    return true;
  }

  /**
   * Moves time on by `ms`. Each timer that comes due on the way fires at its due time, in order, timers
   * set on the way included, and promises settle before the first, between any two and at the end.
   *
   * @throws {RangeError} for a negative or infinite `ms`
   * @throws what a timer's callback throws; time stands at that timer then
   */
  advance(ms: number): Promise<void> {
    return this.advanceTo(this.#steadyMs + ms);
  }

  /** {@linkcode advance} to the steady time `atMs`. */
  async advanceTo(atMs: number): Promise<void> {
    if (!(atMs >= this.#steadyMs && atMs < Infinity)) {
      throw new RangeError(`time cannot move from ${this.#steadyMs} to ${atMs}`);
    }
    // Two walks at once would each see the other's timers fire: a mistake in the test.
    if (this.#advancing) throw new Error("the clock is being advanced already: await it");
    this.#advancing = true;
    try {
      await settle();
      while (this.fireNext(atMs)) await settle();
      this.#steadyMs = Math.max(this.#steadyMs, atMs);
    } finally {
      this.#advancing = false;
    }
  }

  /** Sets the wall clock on (or back) by `ms`, as an administrator does: no timer fires for it. */
  jumpWall(ms: number): void {
    this.#wallOffsetMs += ms;
  }
}
