/**
 * A short run of the crash harness, and a proof that it finds faults.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Audit } from "../conformance/support/audit.ts";
import { NO_NATS } from "../nats/support/server.ts";
import { needs } from "../permissions.ts";
import { crashCluster, type Disturbance } from "./cluster.ts";
import { compare, type Known } from "./report.ts";
import { crash } from "./run.ts";

const FORBIDDEN = needs("env", "net", "read", "run", "write");

Deno.test({
  name: "no message that was answered with 201 is lost, repeated or out of order over 6 kills" +
    (FORBIDDEN === undefined ? "" : ` (skipped: ${FORBIDDEN})`),
  ignore: FORBIDDEN !== undefined,
  sanitizeOps: false,
  sanitizeResources: false,
  fn: async () => {
    const found = await crash({ kills: 6, clients: 10, publishers: 4, longestLifeMs: 500 });
    const { losses, duplicates, disorders, strangers, hidden, refused } = found;
    const faults = { losses, duplicates, disorders, strangers, hidden, refused };
    const none = { losses: 0, duplicates: 0, disorders: 0, strangers: 0, hidden: 0, refused: 0 };
    assert.deepEqual(faults, none, JSON.stringify(found));
    assert.equal(found.kills, 6);
    assert.equal(found.received, found.accepted * 10);
    assert.ok(found.accepted > 0);
    assert.ok(found.resumed >= 10, "every client resumed");
    assert.ok(found.renewals >= 10, "and each had to get a new token for that");
    assert.ok(found.pauses > 0, "the slow one paused");
  },
});

const CLUSTER_RUNS: readonly (readonly [Disturbance, number])[] = [
  ["kill gateways", 4],
  ["kill NATS", 4],
  ["restart gateways", 3],
];

for (const [disturbance, times] of CLUSTER_RUNS) {
  const why = NO_NATS === undefined ? "" : ` (skipped: ${NO_NATS})`;
  Deno.test({
    name: `three gateways on one NATS lose, repeat and disorder nothing: ${disturbance}${why}`,
    ignore: NO_NATS !== undefined,
    sanitizeOps: false,
    sanitizeResources: false,
    fn: async () => {
      const options = { disturbance, times, clients: 9, publishers: 3, longestLifeMs: 400 };
      const found = await crashCluster(options);
      const { losses, duplicates, disorders, strangers, hidden, refused } = found;
      const faults = { losses, duplicates, disorders, strangers, hidden, refused };
      const none = { losses: 0, duplicates: 0, disorders: 0, strangers: 0, hidden: 0, refused: 0 };
      assert.deepEqual(faults, none, JSON.stringify(found));
      assert.equal(found.received, found.accepted * 9);
      assert.ok(found.accepted > 0);
      // NATS is away for half of the time, so there may be too little to read.
      if (disturbance !== "kill NATS") assert.ok(found.pauses > 0, "the slow client paused");
      if (disturbance === "kill gateways") assert.ok(found.renewals > 0, "tokens were refused");
      if (disturbance !== "restart gateways") return;
      assert.ok((found.absences?.count ?? 0) >= 9, "every client was away");
      assert.equal(found.absences?.extraAttempts, 0, "and came back at the first attempt");
    },
  });
}

Deno.test("Audit finds a message that comes again, a second Ready and strange frames", () => {
  const audit = new Audit();
  const [first, second] = [audit.connection(), audit.connection()];
  const good = ['{"op":0}', '{"op":11}', '{"op":2}', '{"op":10}', '{"op":3,"id":"e-1"}'];
  for (const frame of good) first(frame);
  for (const frame of ['{"op":0}', '{"op":2}', '{"op":3,"id":"e-2"}']) second(frame);
  assert.deepEqual(audit.faults, []);
  for (const frame of ['{"op":2}', '{"op":3,"id":"e-1"}', '{"op":1}']) second(frame);
  assert.deepEqual(audit.faults, [
    'a second Ready: {"op":2}',
    'a second time: {"op":3,"id":"e-1"}',
    'no frame of the protocol: {"op":1}',
  ]);
});

const accepted: readonly Known[] = [
  { id: "e-1", content: "a" },
  { id: "e-2", content: "b" },
  { id: "e-3", content: "c" },
];
const [a, b, c] = accepted as readonly [Known, Known, Known];
const none = { losses: 0, duplicates: 0, disorders: 0, strangers: 0 };

Deno.test("compare() finds nothing wrong with all messages in order", () => {
  assert.deepEqual(compare(accepted, accepted), none);
});

Deno.test("compare() counts losses, duplicates, disorder and unknown ids", () => {
  assert.deepEqual(compare([a, c], accepted), { ...none, losses: 1 });
  assert.deepEqual(compare([a, b, b, c], accepted), { ...none, duplicates: 1 });
  assert.deepEqual(compare([a, b, { ...b, id: "e-9" }], accepted), {
    ...none,
    losses: 1,
    duplicates: 1,
  });
  assert.deepEqual(compare([a, c, b], accepted), { ...none, disorders: 1 });
  assert.deepEqual(compare([a, b, { ...c, id: "e-4" }], accepted), { ...none, strangers: 1 });
  assert.deepEqual(compare([a, b, c, { id: "e-5", content: "d" }], accepted), {
    ...none,
    strangers: 1,
  });
});
