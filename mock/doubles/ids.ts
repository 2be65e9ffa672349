/**
 * Generates ids that are the same in every run of a test. They are easy to guess: never for production.
 *
 * @module
 */

import type { IdGenerator } from "../../gateway/ports.ts";

/** Generates `id0`, `id1`, `id2`…, unique within the object. */
export class FakeIds implements IdGenerator {
  readonly #prefix: string;
  #count = 0;

  /** Starts at 0, with `prefix` (of `[0-9a-z]`) before the number. */
  constructor(prefix = "id") {
    this.#prefix = prefix;
  }

  /** Returns the next id. */
  next(): string {
    return `${this.#prefix}${this.#count++}`;
  }
}
