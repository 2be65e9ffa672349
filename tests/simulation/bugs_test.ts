/**
 * Inserts the deliberate bugs one at a time and checks that the simulation finds each. Prints the rule
 * that each breaks and how long it took.
 *
 * @module
 */

import assert from "node:assert/strict";
import { simulate, type Violation } from "../../simulation/mod.ts";
import type { Bug } from "./bug.ts";
import { BUGS } from "./bugs.ts";

/** So many seeds are tried. */
const MAX_SEEDS = 20;

interface Found {
  readonly seeds: number;
  readonly violation: Violation;
}

async function find(bug: Bug, nodes: number): Promise<Found | undefined> {
  const { firstSeed = 1, make } = bug;
  for (let seeds = 1; seeds <= MAX_SEEDS; seeds++) {
    const seed = String(firstSeed + seeds - 1);
    const options = { seed, hours: 24, clients: 20, nodes, seams: make() };
    const { violation } = await simulate(options);
    if (violation !== undefined) return { seeds, violation };
  }
  return undefined;
}

Deno.test("simulate() finds every bug that is put in on purpose", async (t) => {
  const rows: string[] = [];
  const cases = Object.values(BUGS)
    .flatMap(({ nodes, bugs }) => bugs.map((bug) => ({ bug, nodes })));
  for (const { bug, nodes } of cases) {
    await t.step(bug.name, async () => {
      const found = await find(bug, nodes);
      assert.ok(found, `not found in ${MAX_SEEDS} worlds`);
      const hours = (found.violation.broken.atMs / 3_600_000).toFixed(1);
      rows.push(`| ${bug.name} | ${found.violation.broken.rule} | ${found.seeds} | ${hours} |`);
    });
  }
  const head =
    "| bug | rule that it breaks | seeds | virtual hours in the last |\n|---|---|---:|---:|";
  console.log(`${head}\n${rows.join("\n")}`);
  assert.equal(new Set(cases.map(({ bug }) => bug.name)).size, cases.length);
});
