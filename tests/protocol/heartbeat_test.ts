/**
 * Heartbeats: their deadlines and times to the millisecond (docs/protocol.md, "Heartbeats"). Which ACK
 * matches which heartbeat is in the transition table, which `exploration_test.ts` checks in every state.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Op } from "../../gateway/protocol/codes.ts";
import { nextDeadline } from "../../gateway/protocol/session.ts";
import { ack, assertCloses, Driver, heartbeat, sent, START } from "./support.ts";

const INTERVAL = 45_000;

Deno.test("reduce() greets with Hello and its heartbeat interval, at once", () => {
  const session = new Driver();
  assert.deepEqual(sent(session.feed({ type: "opened" })), [
    { op: Op.Hello, heartbeat_interval: INTERVAL },
  ]);
});

Deno.test("reduce() sends the first heartbeat one interval after Hello", () => {
  const session = new Driver().ready();
  assert.deepEqual(session.feedAt(START + INTERVAL - 1, { type: "ticked" }), []);
  assert.deepEqual(sent(session.feed({ type: "ticked" }, 1)), [
    { op: Op.Heartbeat, time: START + INTERVAL },
  ]);
});

for (
  const [how, late] of [["silence", { type: "ticked" }], ["an ACK", ack(START + INTERVAL)]] as const
) {
  Deno.test(`reduce() closes with 4002 for ${how} at exactly beat + interval, not before`, () => {
    for (const offset of [-1, 0, 1]) {
      const session = new Driver().ready();
      session.tick();
      const effects = session.feedAt(START + 2 * INTERVAL + offset, late);
      if (offset >= 0) assertCloses(effects, "HeartbeatTimeout");
      else if (how === "silence") assert.deepEqual(effects, []);
      else assert.deepEqual(effects, [{ type: "recordRoundTrip", ms: INTERVAL - 1 }]);
    }
  });
}

Deno.test("reduce() takes a frame that is no ACK for no proof of life", () => {
  const session = new Driver().ready();
  session.tick();
  for (let i = 0; i < 44; i++) session.feed(heartbeat(i), 1_000);
  assertCloses(session.tick(), "HeartbeatTimeout");
});

Deno.test("reduce() gives a whole interval for the ACK of a beat that went out late", () => {
  const session = new Driver().ready();
  const late = START + INTERVAL + 20_000;
  assert.deepEqual(sent(session.feedAt(late, { type: "ticked" })), [
    { op: Op.Heartbeat, time: late },
  ]);
  assert.equal(nextDeadline(session.state), late + INTERVAL);
});

Deno.test("reduce() sends whole milliseconds when its clock has fractions", () => {
  const session = new Driver().ready();
  const [beat] = sent(session.feedAt(START + INTERVAL + 0.75, { type: "ticked" }));
  assert.deepEqual(beat, { op: Op.Heartbeat, time: START + INTERVAL });
  assert.deepEqual(session.feed(ack(START + INTERVAL), 1), [{ type: "recordRoundTrip", ms: 1.75 }]);
});
