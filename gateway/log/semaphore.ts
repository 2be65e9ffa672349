/**
 * Limits how many operations run at once; the others wait in order.
 *
 * @module
 */

import { Waiters } from "../util.ts";

export class Semaphore {
  readonly #waiting = new Waiters();
  #free: number;

  /** @param width how many operations may run at once */
  constructor(width: number) {
    this.#free = width;
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await this.#waiting.wait();
    try {
      return await work();
    } finally {
      // The slot passes directly to the next waiter, so that no other caller can take it.
      if (!this.#waiting.releaseFirst()) this.#free++;
    }
  }
}
