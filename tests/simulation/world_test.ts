/**
 * Runs worlds under all faults and under none; no rule may break.
 *
 * @module
 */

import assert from "node:assert/strict";
import { CloseCode } from "../../gateway/protocol/mod.ts";
import { FAULT_NAMES, faultInfo, simulate } from "../../simulation/mod.ts";

/** Days of 20 clients, one with replaced connections; `deno task simulate` runs more. */
const SEEDS = ["1", "2", "3", "4", "23"];
const QUESTIONS = ["a user", "users", "channel", "users of a channel"]
  .map((about) => `presence checked of ${about}`);
/** Faults of worlds with several nodes. */
const OF_NODES = FAULT_NAMES.filter((fault) => faultInfo(fault).nodes);

Deno.test("simulate() keeps every rule through days of faults, and sees each fault and close code", async () => {
  const total = new Map<string, number>();
  for (const seed of SEEDS) {
    const { violation, hours, counts } = await simulate({ seed, hours: 24, clients: 20 });
    assert.equal(violation?.message, undefined);
    assert.equal(hours, 24);
    for (const [what, count] of counts) total.set(what, (total.get(what) ?? 0) + count);
  }
  const happened = (what: string): void => {
    assert.ok((total.get(what) ?? 0) > 0, `no ${what} in ${SEEDS.length} days`);
  };
  for (const fault of FAULT_NAMES) {
    const { weight, everyHours, nodes } = faultInfo(fault);
    if (!nodes && (weight ?? everyHours) !== undefined) happened(fault);
  }
  for (const { code } of Object.values(CloseCode)) happened(`closed with ${code}`);
  for (const what of ["resumed", "not resumed", "join", "leave", "disconnect"]) happened(what);
  for (const what of QUESTIONS) happened(what);
  const ofApps = [
    "gaps",
    "apps that did not read",
    "tokens that could not be had",
    "tokens that never came",
  ];
  for (const what of ofApps) happened(what);
  happened("logged: replay failed");
});

Deno.test("simulate() keeps every rule with two and three nodes that lag and are cut off", async () => {
  for (const nodes of [2, 3]) {
    const { violation, counts } = await simulate({ seed: "3", hours: 12, clients: 20, nodes });
    assert.equal(violation?.message, undefined);
    const things = [...OF_NODES, "resumed", "join", "leave", "disconnect", ...QUESTIONS];
    for (const what of [...things, "presence failed", "leave failed with log_unavailable"]) {
      assert.ok((counts.get(what) ?? 0) > 0, `no ${what} with ${nodes} nodes`);
    }
  }
});

Deno.test("simulate() delivers everything at once in a world without faults", async () => {
  const { violation, counts } = await simulate({
    seed: "calm",
    hours: 12,
    clients: 10,
    without: FAULT_NAMES,
  });
  assert.equal(violation?.message, undefined);
  assert.equal(counts.get("connections"), 10);
  assert.equal(counts.get("messages accepted"), counts.get("messages submitted"));
  assert.deepEqual([...counts.keys()].filter((name) => name.startsWith("closed")), []);
});

Deno.test("seed 17: a device that wakes with a heartbeat due gives up a dead connection", async () => {
  // On waking, the client set a timer to check the connection, and then took the heartbeat for
  // answered.
  const { violation } = await simulate({ seed: "17", hours: 5, clients: 20 });
  assert.equal(violation?.message, undefined);
});

Deno.test("seed 10: a nap that no clock shows is not held against the client", async () => {
  const { violation } = await simulate({ seed: "10", hours: 13, clients: 20 });
  assert.equal(violation?.message, undefined);
});

Deno.test("simulate() takes a world of one client", async () => {
  const { violation } = await simulate({ seed: "alone", hours: 24, clients: 1 });
  assert.equal(violation?.message, undefined);
});
