/**
 * Skips tests whose permissions were not given, so that a plain `deno test` passes. The name of a skipped test
 * has the permission and the task that gives it.
 *
 * @module
 */

/** A permission, as in its flag `--allow-…`. */
export type Permission = "env" | "net" | "read" | "run" | "sys" | "write";

/** The task that runs the tests of a folder, unless it is `test`. */
const TASKS: Readonly<Record<string, string>> = {
  browser: "browser",
  conformance: "conformance",
  crash: "conformance",
  matrix: "matrix",
};

/** The reason to skip a test that needs all of `permissions`, if any. Never prompts. */
export function needs(...permissions: readonly Permission[]): string | undefined {
  const missing = permissions.filter((name) =>
    Deno.permissions.querySync({ name }).state !== "granted"
  );
  if (missing.length === 0) return undefined;
  const folder = /\/tests\/(\w+)\/[^/]*$/.exec(Deno.mainModule)?.[1] ?? "";
  const flags = missing.map((name) => `--allow-${name}`).join(" ");
  return `needs ${flags}; deno task ${TASKS[folder] ?? "test"} gives it`;
}

/** The value of a variable; `undefined` also when the environment may not be read. */
export function variable(name: string): string | undefined {
  return needs("env") === undefined ? Deno.env.get(name) : undefined;
}

/**
 * `Deno.test` itself without a `reason`. With one, it skips the test and puts the reason into its name, because
 * reports have no other place for it.
 */
export function testUnless(
  reason: string | undefined,
): (name: string, fn: (context: Deno.TestContext) => void | Promise<void>) => void {
  if (reason === undefined) return Deno.test;
  return (name, fn) => Deno.test({ name: `${name} (skipped: ${reason})`, ignore: true, fn });
}
