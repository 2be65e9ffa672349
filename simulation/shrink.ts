/**
 * Makes a world that fails smaller: fewer faults, fewer clients, and no more time than it takes.
 *
 * @module
 */

import { type Fault, FAULTS, type WorldOptions } from "./options.ts";
import type { Violation } from "./violation.ts";
import { simulate } from "./world.ts";

/** A world that fails, and how. */
export interface Failure {
  /** What makes it. */
  readonly options: WorldOptions;
  /** The rule that it breaks. */
  readonly violation: Violation;
}

/**
 * The smallest world that was found to break the same rule as `options` does, or `undefined` if that
 * breaks none. Tries each fault by itself and a few sizes, so that it takes some tens of runs at most.
 */
export async function shrink(options: WorldOptions): Promise<Failure | undefined> {
  const { violation } = await simulate(options);
  if (violation === undefined) return undefined;
  let smallest: Failure = { options, violation };
  const attempt = async (smaller: WorldOptions): Promise<void> => {
    const outcome = await simulate(smaller);
    if (outcome.violation?.rule !== violation.rule) return;
    smallest = { options: smaller, violation: outcome.violation };
  };
  for (const fault of FAULTS) {
    const without: readonly Fault[] = [...smallest.options.without ?? [], fault];
    await attempt({ ...smallest.options, without });
  }
  for (const clients of [1, 2, 3, 5, 8, 13]) {
    if (clients < smallest.options.clients) await attempt({ ...smallest.options, clients });
  }
  // Everything up to its end is the same whatever the length, unless only the healing brings it up.
  const hours = Math.ceil(smallest.violation.atMs / 36_000) / 100;
  if (hours < smallest.options.hours) await attempt({ ...smallest.options, hours });
  return smallest;
}
