/**
 * Defines deliberate bugs.
 *
 * @module
 */

import type { Seams } from "../../simulation/mod.ts";

/** A deliberate bug. */
export interface Bug {
  /** Short description. */
  readonly name: string;
  /** Creates the bug for one world. */
  readonly make: () => Seams;
  /** The seed of the first world to try, for a bug that few worlds provoke; 1 by default. */
  readonly firstSeed?: number;
}

/** True on every `count`-th call. */
export function onceIn(count: number): () => boolean {
  let calls = 0;
  return () => ++calls % count === 0;
}
