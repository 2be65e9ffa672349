/**
 * Timers ordered by due time: a binary heap for the machine's clock and the fake one. Its owner reads the time and
 * runs due timers.
 *
 * @module
 */

import type { Timer } from "../ports.ts";

export class QueuedTimer implements Timer {
  /** On the owner's scale. */
  readonly dueMs: number;
  readonly callback: () => void;
  readonly #queue: TimerQueue;
  /** The number of timers added before it. */
  readonly order: number;
  /** Its index in the heap; −1 once removed. */
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

/** Timers with the same due time are in the order in which they were added. Every change takes O(log n). */
export class TimerQueue {
  readonly #heap: QueuedTimer[] = [];
  readonly #emptied: () => void;
  #added = 0;

  /** @param emptied called each time that the last timer is removed */
  constructor(emptied: () => void = () => {}) {
    this.#emptied = emptied;
  }

  /** The number of timers ever added: the `order` of the next one. */
  get added(): number {
    return this.#added;
  }

  get size(): number {
    return this.#heap.length;
  }

  get first(): QueuedTimer | undefined {
    return this.#heap[0];
  }

  add(dueMs: number, callback: () => void): QueuedTimer {
    const timer = new QueuedTimer(this, { dueMs, order: this.#added++, callback });
    timer.index = this.#heap.length;
    this.#heap.push(timer);
    this.#siftUp(timer);
    return timer;
  }

  /** Has no effect on a timer that was removed before. */
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
