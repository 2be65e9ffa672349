/**
 * The comparison of a plain `deno test` with the tasks finds tests that one of them lacks.
 *
 * @module
 */

import assert from "node:assert/strict";
import { faultsOf } from "../../tools/check_skipped.ts";

function report(...names: readonly string[]): string {
  const cases = names.map((name) =>
    `<testcase name="${name}" classname="./tests/a_test.ts" time="0.001" line="2" col="6">`
  );
  return `<testsuites name="deno test">${cases.join("\n")}</testsuites>`;
}

const SKIPPED = "b (skipped: needs --allow-read; deno task test gives it)";
const PLAIN = report("a", SKIPPED, "c (skipped: needs --allow-run; deno task browser gives it)");

Deno.test("faultsOf() finds nothing where the tasks run all that a plain run has or skips", () => {
  const other = report("c (skipped: there is no Chromium on this machine)", "c &gt; step");
  assert.deepEqual(faultsOf(PLAIN, [report("a", "b"), other]), []);
});

Deno.test("faultsOf() names what a task skips for want of a permission", () => {
  assert.deepEqual(faultsOf(PLAIN, [report("a", SKIPPED, "c")]), [
    `a task gives too little: ${SKIPPED}`,
  ]);
});

Deno.test("faultsOf() names a test that one side has more often", () => {
  assert.deepEqual(faultsOf(PLAIN, [report("a", "c", "d")]), [
    "1 in plain, 0 in the tasks: b",
    "0 in plain, 1 in the tasks: d",
  ]);
});
