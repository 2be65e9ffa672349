/**
 * How a check ends, if it does not pass.
 *
 * @module
 */

/** The client broke the rule. */
export class Failed extends Error {}

/** The check cannot judge this client. */
export class Skipped extends Error {}

/** Fails the check unless `condition` holds. */
export function expect(condition: boolean, detail: string): asserts condition {
  if (!condition) throw new Failed(detail);
}
