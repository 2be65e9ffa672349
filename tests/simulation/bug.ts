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
}

/** True on every `count`-th call. */
export function onceIn(count: number): () => boolean {
  let calls = 0;
  return () => ++calls % count === 0;
}
