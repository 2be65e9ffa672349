/**
 * Lets a few through at a time, in the order in which they came.
 *
 * @module
 */

import { Waiters } from "../util.ts";

/** A gate that at most `width` pieces of work have passed and not left yet. */
export class Semaphore {
  readonly #waiting = new Waiters();
  #free: number;

  /** Opens it for so much work at once. */
  constructor(width: number) {
    this.#free = width;
  }

  /** Does `work` when it is its turn; gives what it gives. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await this.#waiting.wait();
    try {
      return await work();
    } finally {
      // The place goes straight to the next, so that nobody slips in between.
      if (!this.#waiting.releaseFirst()) this.#free++;
    }
  }
}
