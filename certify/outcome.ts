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

/** Does what a check needs first; skips the check if the client fails that, which `id` judges. */
export async function orSkip<T>(id: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof Failed) throw new Skipped(`judged only if ${id} passes`);
    throw error;
  }
}
