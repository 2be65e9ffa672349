/**
 * A deliberate bug, and how often it shows.
 *
 * @module
 */

import type { Seams } from "../../simulation/mod.ts";

/** A bug that is put in on purpose. */
export interface Bug {
  /** What is wrong, in a few words. */
  readonly name: string;
  /** Makes the bug for one world. */
  readonly make: () => Seams;
}

/** True once in `count` calls. */
export function onceIn(count: number): () => boolean {
  let calls = 0;
  return () => ++calls % count === 0;
}
