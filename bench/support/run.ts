/**
 * How a benchmark ends: its whole error is shown, also where taking down what it had started failed too.
 *
 * @module
 */

/** Runs `main`; a failure is printed, with every error that is behind it, and ends the process with 1. */
export async function run(main: () => Promise<void>): Promise<void> {
  try {
    await main();
  } catch (error) {
    for (const each of errorsIn(error)) console.error(each);
    Deno.exit(1);
  }
}

/** What went wrong first comes first. */
function errorsIn(error: unknown): readonly unknown[] {
  if (!(error instanceof SuppressedError)) return [error];
  return [...errorsIn(error.suppressed), ...errorsIn(error.error)];
}
