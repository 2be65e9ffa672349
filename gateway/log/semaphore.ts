/**
 * Lets a few through at a time, in the order in which they came.
 *
 * @module
 */

/** A gate that at most `width` pieces of work have passed and not left yet. */
export class Semaphore {
  readonly #waiting: (() => void)[] = [];
  #free: number;

  /** Opens it for so much work at once. */
  constructor(width: number) {
    this.#free = width;
  }

  /** Does `work` when it is its turn; gives what it gives. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      // The place goes straight to the next, so that nobody slips in between.
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next();
    }
  }
}
