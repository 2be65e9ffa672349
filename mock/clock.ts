/**
 * A clock that stands still until a test moves it: virtual time for everything that takes a `Clock`.
 *
 * It owns its timers and the order in which they fire. It must not look at real time, and nothing in
 * it waits for any.
 *
 * @module
 */

import { setImmediate } from "node:timers";
import type { Clock, Timer } from "../gateway/ports.ts";

/** How a {@linkcode FakeClock} begins. */
export interface FakeClockOptions {
  /** Unix milliseconds at which it starts; 1,700,000,000,000 unless told. */
  readonly startMs?: number;
}

/** A timer in the heap. `index` is where it lies there, −1 once it is out. */
interface Entry {
  readonly dueMs: number;
  readonly order: number;
  readonly callback: () => void;
  index: number;
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
  #setSoFar = 0;
  #advancing = false;
  /** A binary heap, the earliest timer first. */
  readonly #heap: Entry[] = [];

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
    return this.#heap.length;
  }

  /**
   * Sets a timer. One of infinite delay is never due and not kept.
   *
   * @throws {RangeError} for a negative delay or NaN: `Clock` allows neither
   */
  setTimer(delayMs: number, callback: () => void): Timer {
    if (!(delayMs >= 0)) throw new RangeError(`a timer cannot be due in ${delayMs} ms`);
    if (delayMs === Infinity) return { cancel: () => {} };
    const entry: Entry = {
      dueMs: this.#steadyMs + delayMs,
      order: this.#setSoFar++,
      callback,
      index: this.#heap.length,
    };
    this.#heap.push(entry);
    this.#siftUp(entry);
    return { cancel: () => this.#remove(entry) };
  }

  /** When the next timer is due, in steady milliseconds; `undefined` when none is set. */
  nextDue(): number | undefined {
    return this.#heap[0]?.dueMs;
  }

  /**
   * Moves time to the next timer due at or before `untilMs` (steady) and calls it. Returns whether
   * there was one; if not, time stays. For simulators that settle promises themselves.
   */
  fireNext(untilMs = Infinity): boolean {
    const [first] = this.#heap;
    if (first === undefined || first.dueMs > untilMs) return false;
    this.#remove(first);
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

  #remove(entry: Entry): void {
    const { index } = entry;
    if (index < 0) return;
    entry.index = -1;
    const last = this.#heap.pop();
    if (last === undefined || last === entry) return;
    this.#place(last, index);
    this.#siftUp(last);
    this.#siftDown(last);
  }

  #siftUp(entry: Entry): void {
    while (entry.index > 0) {
      const above = this.#heap[(entry.index - 1) >> 1];
      if (above === undefined || isBefore(above, entry)) return;
      this.#swap(above, entry);
    }
  }

  #siftDown(entry: Entry): void {
    while (true) {
      const left = this.#heap[2 * entry.index + 1];
      const right = this.#heap[2 * entry.index + 2];
      if (left === undefined) return;
      const least = right !== undefined && isBefore(right, left) ? right : left;
      if (isBefore(entry, least)) return;
      this.#swap(entry, least);
    }
  }

  #swap(a: Entry, b: Entry): void {
    const { index } = a;
    this.#place(a, b.index);
    this.#place(b, index);
  }

  #place(entry: Entry, index: number): void {
    this.#heap[index] = entry;
    entry.index = index;
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order);
}
