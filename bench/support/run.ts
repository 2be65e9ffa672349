/**
 * Runs a benchmark and prints its errors, including those of its clean-up.
 *
 * @module
 */

/** Runs `main`. Prints its error with all suppressed ones, and exits with 1. */
export async function run(main: () => Promise<void>): Promise<void> {
  try {
    await main();
  } catch (error) {
    for (const each of errorsIn(error)) console.error(each);
    Deno.exit(1);
  }
}

/** The first error comes first. */
function errorsIn(error: unknown): readonly unknown[] {
  if (!(error instanceof SuppressedError)) return [error];
  return [...errorsIn(error.suppressed), ...errorsIn(error.error)];
}
