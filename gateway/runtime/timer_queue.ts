/**
 * Timers by when they are due: a binary heap, for the machine's clock and for the fake one of tests.
 *
 * It only orders; who owns it looks at the time and calls what is due.
 *
 * @module
 */

import type { Timer } from "../ports.ts";

/** A timer that was set. */
export class QueuedTimer implements Timer {
  /** When it is due, on the owner's scale. */
  readonly dueMs: number;
  /** What to call then. */
  readonly callback: () => void;
  readonly #queue: TimerQueue;
  /** How many were added before it. */
  readonly order: number;
  /** Where it lies in the heap; −1 once it is out. */
  index = -1;

  constructor(
    queue: TimerQueue,
    { dueMs, order, callback }: Pick<QueuedTimer, "dueMs" | "order" | "callback">,
  ) {
    this.#queue = queue;
    this.dueMs = dueMs;
    this.order = order;
    this.callback = callback;
  }

  cancel(): void {
    this.#queue.remove(this);
  }
}

/** Timers; those of the same due time in the order in which they were set. Every change takes O(log n). */
export class TimerQueue {
  readonly #heap: QueuedTimer[] = [];
  readonly #emptied: () => void;
  #added = 0;

  /** @param emptied called each time that the last timer goes */
  constructor(emptied: () => void = () => {}) {
    this.#emptied = emptied;
  }

  /** How many were ever added: the `order` of the next one. */
  get added(): number {
    return this.#added;
  }

  /** How many there are. */
  get size(): number {
    return this.#heap.length;
  }

  /** The next one, if there is one. */
  get first(): QueuedTimer | undefined {
    return this.#heap[0];
  }

  /** Adds a timer. */
  add(dueMs: number, callback: () => void): QueuedTimer {
    const timer = new QueuedTimer(this, { dueMs, order: this.#added++, callback });
    timer.index = this.#heap.length;
    this.#heap.push(timer);
    this.#siftUp(timer);
    return timer;
  }

  /** Takes a timer out; without effect once it is. */
  remove(timer: QueuedTimer): void {
    const { index } = timer;
    if (index < 0) return;
    timer.index = -1;
    const last = this.#heap.pop();
    if (last !== undefined && last !== timer) {
      this.#place(last, index);
      this.#siftUp(last);
      this.#siftDown(last);
    }
    if (this.#heap.length === 0) this.#emptied();
  }

  #siftUp(timer: QueuedTimer): void {
    while (timer.index > 0) {
      const above = this.#heap[(timer.index - 1) >> 1];
      if (above === undefined || isBefore(above, timer)) return;
      this.#swap(above, timer);
    }
  }

  #siftDown(timer: QueuedTimer): void {
    while (true) {
      const left = this.#heap[2 * timer.index + 1];
      const right = this.#heap[2 * timer.index + 2];
      if (left === undefined) return;
      const least = right !== undefined && isBefore(right, left) ? right : left;
      if (isBefore(timer, least)) return;
      this.#swap(timer, least);
    }
  }

  #swap(a: QueuedTimer, b: QueuedTimer): void {
    const { index } = a;
    this.#place(a, b.index);
    this.#place(b, index);
  }

  #place(timer: QueuedTimer, index: number): void {
    this.#heap[index] = timer;
    timer.index = index;
  }
}

function isBefore(a: QueuedTimer, b: QueuedTimer): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order);
}
