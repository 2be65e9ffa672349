/**
 * One seed, one world: traces are compared byte by byte between worlds that were made anew.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type Outcome, simulate } from "../../mock/simulation/mod.ts";
import { BUGS } from "./bugs.ts";

const SEEDS = ["17", "18", "19"];

function run(seed: string, patient = false): Promise<Outcome> {
  return simulate({ seed, hours: 8, clients: 20, recording: true, patient });
}

Deno.test("simulate() gives the same trace for the same seed, byte for byte", async () => {
  for (const seed of SEEDS) {
    const first = await run(seed);
    const second = await run(seed);
    assert.ok(first.trace.length > 10_000);
    assert.equal(first.trace.join("\n"), second.trace.join("\n"));
  }
});

Deno.test("simulate() gives the same trace when it waits for promises after every event", async () => {
  for (const seed of SEEDS) {
    assert.equal((await run(seed, true)).trace.join("\n"), (await run(seed)).trace.join("\n"));
  }
});

Deno.test("simulate() gives another trace for another seed", async () => {
  assert.notEqual((await run("17")).trace.join("\n"), (await run("18")).trace.join("\n"));
});

Deno.test("simulate() finds the same with and without a trace", async () => {
  const bug = BUGS.find(({ name }) => name === "one live message in 500 is forgotten");
  assert.ok(bug);
  const options = { seed: "1", hours: 24, clients: 20 };
  const { violation } = await simulate({ ...options, seams: bug.make() });
  const recorded = await simulate({ ...options, seams: bug.make(), recording: true });
  assert.ok(violation);
  assert.equal(recorded.violation?.message, violation.message);
  assert.ok(recorded.trace.at(-1)?.includes(violation.explanation));
});
