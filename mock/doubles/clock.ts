/**
 * Virtual time: a `Clock` that stands still until a test advances it. It never reads real time.
 *
 * @module
 */

import { setImmediate } from "node:timers";
import type { Clock, Timer } from "../../gateway/ports.ts";
import { TimerQueue } from "../../gateway/runtime/timer_queue.ts";
import { checkDuration } from "./duration.ts";

/** Options of {@linkcode FakeClock}. */
export interface FakeClockOptions {
  /** Unix milliseconds at which it starts. Default: 1,700,000,000,000. */
  readonly startMs?: number;
}

/**
 * Resolves when every promise that does not depend on work outside of JavaScript (cryptography, files,
 * sockets) has settled.
 */
export function settle(): Promise<void> {
  // An immediate runs after all microtasks, including those that microtasks add.
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** More than these at one time never end: one leads to the next without a delay. */
export const MAX_AT_ONE_TIME = 100_000;

/** The error of a test that would hang, because time cannot move on. */
export function endless(what: string, now: number): Error {
  return new Error(
    `time cannot move on from ${now}: ${what} lead to others without end. Does a client reconnect without a delay?`,
  );
}

/**
 * Virtual time. Timers fire in the order of their due times; those due at the same time, in the order in
 * which they were set. Setting, cancelling and firing a timer takes O(log n).
 *
 * @example Advance time
 * ```ts
 * import assert from "node:assert/strict";
 * import { FakeClock } from "@emagine/gateway/mock";
 *
 * const clock = new FakeClock();
 * const fired: number[] = [];
 * clock.setTimer(200, () => fired.push(200));
 * clock.setTimer(100, () => fired.push(100));
 * await clock.advance(150);
 * assert.deepEqual(fired, [100]);
 * ```
 */
export class FakeClock implements Clock {
  #steadyMs: number;
  #wallOffsetMs = 0;
  #advancing = false;
  /** Timers that have fired at the present time. */
  #fired = 0;
  readonly #timers = new TimerQueue();

  /** Makes a clock that stands still. */
  constructor(options: FakeClockOptions = {}) {
    this.#steadyMs = options.startMs ?? 1_700_000_000_000;
  }

  /** Wall time in unix milliseconds. */
  now(): number {
    return this.#steadyMs + this.#wallOffsetMs;
  }

  /** Steady time in milliseconds: the same as {@linkcode now} until {@linkcode jumpWall} is called. */
  steady(): number {
    return this.#steadyMs;
  }

  /** The number of timers that are set. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Sets a timer; with an infinite delay, none. @throws {RangeError} for a delay that is none */
  setTimer(delayMs: number, callback: () => void): Timer {
    checkDuration("setTimer()", delayMs);
    if (typeof callback !== "function") throw new TypeError("setTimer(): expected a callback");
    if (delayMs === Infinity) return { cancel: () => {} };
    return this.#timers.add(this.#steadyMs + delayMs, callback);
  }

  /** The due time of the next timer, in steady milliseconds; `undefined` if none is set. */
  nextDue(): number | undefined {
    return this.#timers.first?.dueMs;
  }

  /**
   * Advances to the next timer due at or before `untilMs` (steady) and calls it. Returns false, without
   * advancing, if there is none. For simulators that settle promises themselves.
   *
   * @throws {Error} if timers without a delay set each other without end
   */
  fireNext(untilMs = Infinity): boolean {
    const { first } = this.#timers;
    if (first === undefined || first.dueMs > untilMs) return false;
    first.cancel();
    this.skipTo(first.dueMs);
    if (++this.#fired > MAX_AT_ONE_TIME) throw endless("timers", this.now());
    first.callback();
    return true;
  }

  /**
   * Advances time by `ms`. Each timer fires at its due time, including those set meanwhile; promises settle
   * before the first, between any two, and at the end.
   *
   * @throws {RangeError} for a negative or infinite `ms`
   * @throws exceptions of a timer's callback; time stops at that timer
   */
  async advance(ms: number): Promise<void> {
    checkDuration("advance()", ms);
    await this.advanceTo(this.#steadyMs + ms);
  }

  /** Advances, as {@linkcode advance} does, to the steady time `atMs`. */
  async advanceTo(atMs: number): Promise<void> {
    if (typeof atMs !== "number" || !(atMs >= this.#steadyMs && atMs < Infinity)) {
      throw new RangeError(`time cannot move from ${this.#steadyMs} to ${atMs}`);
    }
    // Each of two concurrent advances would see the other's timers fire: a bug of the test.
    if (this.#advancing) throw new Error("the clock is being advanced already: await it");
    this.#advancing = true;
    try {
      await settle();
      while (this.fireNext(atMs)) await settle();
      this.skipTo(atMs);
    } finally {
      this.#advancing = false;
    }
  }

  /** Is at `atMs` (steady) at once; what was due until then has yet to be fired. */
  skipTo(atMs: number): void {
    if (atMs <= this.#steadyMs) return;
    this.#steadyMs = atMs;
    this.#fired = 0;
  }

  /** Moves the wall clock by `ms`, forwards or back, as an administrator does. Fires no timers. */
  jumpWall(ms: number): void {
    this.#wallOffsetMs += ms;
  }
}
