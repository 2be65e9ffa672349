/**
 * The clock of a mock gateway: a {@linkcode FakeClock} that waits, at every step of the way, until all
 * that follows from the step has happened, cryptography and peers included.
 *
 * It owns the order of advances; what there is to wait for is told to it. It never looks at real time.
 *
 * @module
 */

import type { Clock, Timer } from "../../gateway/ports.ts";
import { FakeClock, settle } from "../doubles/clock.ts";

/** What a {@linkcode VirtualClock} works with. */
export interface VirtualClockOptions {
  /** Unix milliseconds at which it starts; 1,700,000,000,000 unless told. */
  readonly startMs?: number | undefined;
  /** Resolves when something that is under way is over; `undefined` when nothing is. */
  readonly pending: () => Promise<unknown> | undefined;
  /**
   * Resolves once those outside have answered what was sent to them, or have had their chance, and says
   * whether it waited for anybody.
   */
  readonly answered?: (() => Promise<boolean>) | undefined;
}

/** Virtual time that stands still until it is advanced. Wall time and steady time are the same. */
export class VirtualClock implements Clock {
  readonly #options: VirtualClockOptions;
  #fake: FakeClock;
  #startMs: number;
  /** The advances that were asked for so far, each after the one before. */
  #turn: Promise<unknown> = Promise.resolve();

  /** Starts a clock; it stands still. */
  constructor(options: VirtualClockOptions) {
    this.#options = options;
    this.#fake = new FakeClock(options.startMs === undefined ? {} : { startMs: options.startMs });
    this.#startMs = this.#fake.now();
  }

  /** Unix milliseconds. */
  now(): number {
    return this.#fake.now();
  }

  /** The same as {@linkcode now}. */
  steady(): number {
    return this.#fake.steady();
  }

  /** Where it started, in unix milliseconds. */
  get startMs(): number {
    return this.#startMs;
  }

  /** Milliseconds since the start. */
  get elapsedMs(): number {
    return this.#fake.now() - this.#startMs;
  }

  /** When the next timer is due, in unix milliseconds; `undefined` when none is set. */
  get nextDue(): number | undefined {
    return this.#fake.nextDue();
  }

  /**
   * Calls `callback` once, `delayMs` of virtual time from now.
   *
   * @throws {RangeError} for a negative delay or NaN
   */
  setTimer(delayMs: number, callback: () => void): Timer {
    return this.#fake.setTimer(delayMs, callback);
  }

  /**
   * Moves time on by `ms`, from one due timer to the next; between two of them, and before and after
   * all, waits until everything that follows has happened. One advance begins when the one before ended.
   *
   * @throws {RangeError} for a negative or infinite `ms`
   * @throws what a timer's callback throws; time stands at that timer then
   */
  advance(ms: number): Promise<void> {
    return this.exclusive(() => this.#walk(ms));
  }

  /** Waits until everything that follows from what happened so far has happened; time stands still. */
  async settled(): Promise<void> {
    for (;;) {
      await settle();
      if (this.#fake.fireNext(this.#fake.steady())) continue;
      const pending = this.#options.pending();
      if (pending === undefined) return;
      await pending;
    }
  }

  /** Does `act` when no advance is under way, and lets none begin before it is done. */
  exclusive<T>(act: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(act);
    this.#turn = done.catch(() => {});
    return done;
  }

  /** Forgets every timer and goes back to the start, or to another one. Only within `exclusive`. */
  reset(startMs: number = this.#startMs): void {
    this.#startMs = startMs;
    this.#fake = new FakeClock({ startMs });
  }

  async #walk(ms: number): Promise<void> {
    if (!(ms >= 0 && ms < Infinity)) throw new RangeError(`time cannot be advanced by ${ms} ms`);
    const untilMs = this.#fake.steady() + ms;
    await this.#calm();
    for (let due = this.nextDue; due !== undefined && due <= untilMs; due = this.nextDue) {
      // All that is due at one moment happens before anybody is waited for.
      while (this.#fake.fireNext(due)) await this.settled();
      await this.#calm();
    }
    await this.#fake.advanceTo(untilMs);
  }

  async #calm(): Promise<void> {
    do await this.settled(); while (await this.#options.answered?.() ?? false);
  }
}
