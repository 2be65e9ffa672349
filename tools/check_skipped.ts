/**
 * Compares the JUnit report of a plain `deno test` with those of the tasks that give permissions: both have the
 * same tests, and no task skips one because of a missing permission. Prints differences and exits with 1.
 *
 *     deno run --allow-read tools/check_skipped.ts <plain.xml> <task.xml>...
 *
 * @module
 */

/** The reasons of skipped tests in their names; tests/permissions.ts writes the second. */
const REASON = / \(skipped: .*\)$/;
const NEEDS = / \(skipped: needs --allow-/;

/** Returns the names of the project's tests in a report, without documented examples and steps. */
function testsOf(report: string): readonly string[] {
  return [...report.matchAll(/<testcase name="([^"]*)" classname="\.\/tests\//g)]
    .map(([, name = ""]) => name).filter((name) => !name.includes(" &gt; "));
}

/** Counts each name, skipped or not. */
function count(names: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const full of names) {
    const name = full.replace(REASON, "");
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}

/** Returns the differences between the report of a plain `deno test` and those of the tasks. */
export function faultsOf(plain: string, tasks: readonly string[]): readonly string[] {
  const run = tasks.flatMap(testsOf);
  const [inPlain, inTasks] = [count(testsOf(plain)), count(run)];
  return [
    ...run.filter((name) => NEEDS.test(name)).map((name) => `a task gives too little: ${name}`),
    ...[...new Set([...inPlain.keys(), ...inTasks.keys()])].flatMap((name) => {
      const [plainly, byTasks] = [inPlain.get(name) ?? 0, inTasks.get(name) ?? 0];
      return plainly === byTasks ? [] : [`${plainly} in plain, ${byTasks} in the tasks: ${name}`];
    }),
  ];
}

if (import.meta.main) {
  const [plain = "", ...tasks] = Deno.args.map((path) => Deno.readTextFileSync(path));
  const faults = faultsOf(plain, tasks);
  const skipped = testsOf(plain).filter((name) => NEEDS.test(name));
  console.log(`${testsOf(plain).length} tests, ${skipped.length} of them ask for permissions`);
  for (const fault of faults) console.error(fault);
  if (faults.length > 0 || skipped.length === 0) Deno.exit(1);
}
