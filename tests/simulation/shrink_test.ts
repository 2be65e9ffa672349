/**
 * Tests that a shrunk world breaks the same rule.
 *
 * @module
 */

import assert from "node:assert/strict";
import { shrink, simulate } from "../../simulation/mod.ts";
import { makeBug } from "./bugs.ts";

Deno.test("shrink() gives a smaller world that breaks the same rule", async () => {
  const options = { seed: "2", hours: 6, clients: 20, seams: makeBug("a replay skips one") };
  const { violation } = await simulate(options);
  const failure = await shrink(options);
  assert.ok(failure);
  assert.equal(failure.violation.broken.rule, violation?.broken.rule);
  assert.ok(failure.options.clients < 10, `${failure.options.clients} clients`);
  assert.ok(failure.options.hours < 6, `${failure.options.hours} hours`);
  const { without = [] } = failure.options;
  assert.ok(without.length > 15, without.join());
  const again = await simulate(failure.options);
  assert.equal(again.violation?.message, failure.violation.message);
});

Deno.test("shrink() has nothing to give for a world that is well", async () => {
  assert.equal(await shrink({ seed: "1", hours: 1, clients: 3 }), undefined);
});
