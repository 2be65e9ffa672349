/**
 * Reduces a failing world to fewer faults, fewer clients and less time.
 *
 * @module
 */

import { type Fault, FAULT_NAMES } from "./faults.ts";
import type { WorldOptions } from "./options.ts";
import type { Violation } from "./violation.ts";
import { simulate } from "./world.ts";

/** A failing world. */
export interface Failure {
  readonly options: WorldOptions;
  readonly violation: Violation;
}

/**
 * Finds a small world that breaks the same rule as `options`; `undefined` if that breaks none.
 * Tries to disable each fault and a few sizes: some tens of runs.
 */
export async function shrink(options: WorldOptions): Promise<Failure | undefined> {
  const { violation } = await simulate(options);
  if (violation === undefined) return undefined;
  let smallest: Failure = { options, violation };
  const attempt = async (smaller: WorldOptions): Promise<void> => {
    const outcome = await simulate(smaller);
    if (outcome.violation?.broken.rule !== violation.broken.rule) return;
    smallest = { options: smaller, violation: outcome.violation };
  };
  for (const fault of FAULT_NAMES) {
    const without: readonly Fault[] = [...smallest.options.without ?? [], fault];
    await attempt({ ...smallest.options, without });
  }
  for (const clients of [1, 2, 3, 5, 8, 13]) {
    if (clients < smallest.options.clients) await attempt({ ...smallest.options, clients });
  }
  // The world up to the violation does not depend on its length, unless only the healing shows it.
  const hours = Math.ceil(smallest.violation.broken.atMs / 36_000) / 100;
  if (hours < smallest.options.hours) await attempt({ ...smallest.options, hours });
  return smallest;
}
