/**
 * The mock gateway as npm installs it, in every supported runtime, test runner and environment: each runs the
 * scenario of `project/mock.cjs`.
 *
 * `MOCK_ROUNDS=20` prints what each part of it takes in vitest.
 *
 * @module
 */

import assert from "node:assert/strict";
import { NO_CHROMIUM, PROGRAM } from "../browser/support/chromium.ts";
import { variable } from "../permissions.ts";
import { absent, bun, installed, matrixTest, node, run } from "./support/project.ts";

const VITEST = [installed("vitest/vitest.mjs"), "run", "--config=vitest.config.mock.mjs"];
const DENO = ["run", "--no-config", "--no-lock", "--node-modules-dir=manual", "--allow-read"];

/** The command of each, and what its output names. */
const ROWS: Readonly<Record<string, readonly [[string, ...string[]], RegExp]>> = {
  "Node 20": [[node(20), "mock.run.mjs"], /done/],
  "Node 22": [[node(22), "mock.run.mjs"], /done/],
  "Node 24": [[node(24), "mock.run.mjs"], /done/],
  "Bun": [[bun(), "mock.run.mjs"], /done/],
  "Deno": [[Deno.execPath(), ...DENO, "mock.run.mjs"], /done/],
  "vitest": [[node(24), ...VITEST], /Tests +8 passed/],
  "jest": [
    [node(22), installed("jest/bin/jest.js"), "--config=jest.config.mock.cjs"],
    /Tests: +7 passed/,
  ],
};

for (const [name, [command, expected]] of Object.entries(ROWS)) {
  matrixTest(`the mock gateway in ${name}`, absent(command[0]), async () => {
    const rounds = variable("MOCK_ROUNDS");
    const output = await run(command, rounds === undefined ? {} : { MOCK_ROUNDS: rounds });
    if (rounds !== undefined) console.log(output);
    assert.match(output, expected);
  });
}

matrixTest("the mock gateway in Playwright", NO_CHROMIUM ?? absent(node(24)), async () => {
  const playwright = installed("@playwright/test/cli.js");
  await run([node(24), playwright, "test", "--config=playwright.config.mock.mjs"], {
    MATRIX_CHROMIUM: PROGRAM ?? "",
  });
});
