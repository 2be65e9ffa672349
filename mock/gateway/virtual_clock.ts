/**
 * The clock of a mock gateway: a {@linkcode FakeClock} that waits after every step until all consequences
 * have happened, including cryptography and replies of peers. It never reads real time.
 *
 * @module
 */

import type { Clock, Timer } from "../../gateway/ports.ts";
import { Waiters } from "../../gateway/util.ts";
import { endless, FakeClock, MAX_AT_ONE_TIME, settle } from "../doubles/clock.ts";
import { checkDuration } from "../doubles/duration.ts";

/** Options of {@linkcode VirtualClock}. */
export interface VirtualClockOptions {
  /** Unix milliseconds at which it starts. Default: 1,700,000,000,000. */
  readonly startMs?: number | undefined;
  /** Resolves when any pending task is finished; `undefined` if there is none. */
  readonly pending: () => Promise<unknown> | undefined;
  /** Resolves when external peers have replied or were given up on. Returns whether it waited for one. */
  readonly answered?: (() => Promise<boolean>) | undefined;
  /** Called with true before a follower moves, and with false when this clock has moved too. */
  readonly following?: ((isMoving: boolean) => void) | undefined;
  /** Returns the clock that follows unless another does, if there is one now. */
  readonly follower?: (() => FollowingClock | undefined) | undefined;
}

/**
 * Moves another clock on by at most `maxMs`, and returns by how much, from 1 to `maxMs`: less if something is due
 * on that clock earlier. Both are whole milliseconds.
 */
export type ClockFollower = (maxMs: number) => number | Promise<number>;

/** A clock that is kept in step. */
export interface FollowingClock {
  /** Moves it. */
  readonly move: ClockFollower;
  /** Resolves when nothing more happens at its present time. Returns whether something did. */
  readonly rested?: (() => boolean | Promise<boolean>) | undefined;
}

/** Virtual time that stands still until it is advanced. Wall time and steady time are the same. */
export class VirtualClock implements Clock {
  readonly #options: VirtualClockOptions;
  #fake: FakeClock;
  #startMs: number;
  #follower: FollowingClock | undefined;
  #arrival: Promise<void> | undefined;
  readonly #arrivals = new Waiters();
  /** The end of the last advance that was requested; advances run one after the other. */
  #turn: Promise<unknown> = Promise.resolve();

  /** Makes a clock that stands still. */
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

  /** The time at which it started, in unix milliseconds. */
  get startMs(): number {
    return this.#startMs;
  }

  /** Milliseconds since the start. */
  get elapsedMs(): number {
    return this.#fake.now() - this.#startMs;
  }

  /** The due time of the next timer, in unix milliseconds; `undefined` if none is set. */
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
   * Advances time by `ms`, from one due timer to the next, and waits for all consequences before, between
   * and after them. Concurrent calls run one after the other.
   *
   * @throws {RangeError} for a negative or infinite `ms`
   * @throws exceptions of a timer's callback; time stops at that timer
   */
  async advance(ms: number): Promise<void> {
    checkDuration("advance()", ms);
    await this.exclusive(() => this.#walk(ms));
  }

  /** Advances by what `leftMs` returns until that is 0 or less, without another advance or a reset between. */
  advanceWhile(leftMs: () => number): Promise<void> {
    return this.exclusive(async () => {
      for (let ms = leftMs(); ms > 0; ms = leftMs()) await this.#walk(ms);
    });
  }

  /** Waits until all consequences have happened, without advancing time. */
  async settled(): Promise<void> {
    for (let rounds = 0;; rounds++) {
      await settle();
      if (rounds > MAX_AT_ONE_TIME) throw endless("events", this.now());
      if (this.#fake.fireNext(this.#fake.steady())) continue;
      const pending = this.#options.pending();
      if (pending === undefined) return;
      await pending;
    }
  }

  /**
   * Keeps another clock in step, such as the fake timers of the client under test: each advance asks `follower` to
   * move before it moves itself, and stops where the follower does. `undefined` ends it. `rested` resolves when the
   * client has done what it had to at the present time, and returns whether it had anything; time waits for that.
   */
  follow(follower: ClockFollower | undefined, rested?: FollowingClock["rested"]): void {
    if (follower !== undefined && typeof follower !== "function") {
      throw new TypeError("follow(): expected a function, or undefined");
    }
    this.#follower = follower && { move: follower, rested };
  }

  /** While a follower is ahead of this clock: resolves when this clock has moved too. */
  get arrival(): Promise<void> | undefined {
    return this.#arrival;
  }

  /** Calls `act` when no advance is running, and delays others until its promise settles. */
  exclusive<T>(act: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(act);
    this.#turn = done.catch(() => {});
    return done;
  }

  /** Cancels every timer and returns to the start, or to another one. Only within `exclusive`. */
  reset(startMs: number = this.#startMs): void {
    this.#startMs = startMs;
    this.#fake = new FakeClock({ startMs });
  }

  async #walk(ms: number): Promise<void> {
    if (ms === Infinity) throw new RangeError("time cannot be advanced without end");
    const untilMs = this.#fake.steady() + ms;
    await this.#calm();
    for (;;) {
      const due = Math.min(this.nextDue ?? Infinity, untilMs);
      const reached = await this.#lead(due);
      // Before anything else happens, as a follower is there already.
      this.#fake.skipTo(reached);
      this.#arrive();
      // Everything due at one time happens before peers are waited for.
      while (this.#fake.fireNext(reached)) await this.settled();
      await this.#calm();
      if (reached >= untilMs && (this.nextDue ?? Infinity) > untilMs) return;
    }
  }

  /** Asks the follower to move to `dueMs`. Returns the time that it has reached. */
  async #lead(dueMs: number): Promise<number> {
    const now = this.#fake.steady();
    const follower = this.#following();
    if (follower === undefined || dueMs <= now) return Math.max(dueMs, now);
    this.#options.following?.(true);
    this.#arrival = this.#arrivals.wait();
    const maxMs = Math.ceil(dueMs - now);
    try {
      const movedMs = await follower.move(maxMs);
      if (movedMs >= 1 && movedMs <= maxMs) return now + movedMs;
      throw new RangeError(`a follower moved by ${movedMs} ms, and was asked for ${maxMs}`);
    } catch (error) {
      this.#arrive();
      throw error;
    }
  }

  #following(): FollowingClock | undefined {
    return this.#follower ?? this.#options.follower?.();
  }

  #arrive(): void {
    if (this.#arrival === undefined) return;
    this.#arrival = undefined;
    this.#options.following?.(false);
    this.#arrivals.releaseAll();
  }

  async #calm(): Promise<void> {
    do await this.settled(); while (
      await this.#options.answered?.() || await this.#following()?.rested?.()
    );
  }
}
