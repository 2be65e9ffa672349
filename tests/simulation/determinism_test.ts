/**
 * Compares traces of the same seed byte by byte.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type Outcome, type Seams, simulate } from "../../simulation/mod.ts";
import { makeBug } from "./bugs.ts";

/** Seeds with their number of nodes. */
const SEEDS = [["17", 1], ["18", 3]] as const;

function run([seed, nodes]: (typeof SEEDS)[number], patient = false): Promise<Outcome> {
  return simulate({ seed, hours: 5, clients: 20, nodes, recording: true, patient });
}

Deno.test("simulate() gives the same trace for the same seed, byte for byte", async () => {
  const traces = new Set<string>();
  for (const seed of SEEDS) {
    const { trace } = await run(seed);
    assert.ok(trace.length > 10_000);
    assert.equal((await run(seed)).trace.join("\n"), trace.join("\n"));
    // Waiting for promises after every event must change nothing either.
    assert.equal((await run(seed, true)).trace.join("\n"), trace.join("\n"));
    traces.add(trace.join("\n"));
  }
  assert.equal(traces.size, SEEDS.length);
});

Deno.test("simulate() finds the same with and without a trace", async () => {
  const seams = (): Seams => makeBug("one live message in 500 is forgotten");
  const options = { seed: "1", hours: 24, clients: 20 };
  const { violation } = await simulate({ ...options, seams: seams() });
  const recorded = await simulate({ ...options, seams: seams(), recording: true });
  assert.ok(violation);
  assert.equal(recorded.violation?.message, violation.message);
  assert.ok(recorded.trace.at(-1)?.includes(violation.broken.explanation));
});
