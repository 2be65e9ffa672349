/**
 * How sessions end: by the gateway's decision, by the peer's fault, in two steps, and never twice; and
 * ticks so late that several deadlines have passed (docs/protocol.md, "States").
 *
 * @module
 */

import assert from "node:assert/strict";
import { type CloseCodeName, Op } from "../../gateway/protocol/codes.ts";
import { nextDeadline } from "../../gateway/protocol/session.ts";
import {
  assertCloses,
  Driver,
  garbage,
  heartbeat,
  identify,
  located,
  openedSession,
  OPTIONS,
  sent,
  type SessionInput,
  START,
  types,
  verified,
} from "./support.ts";

const ENDS: readonly (readonly [SessionInput, CloseCodeName])[] = [
  [{ type: "drained" }, "ServiceRestart"],
  [{ type: "overflowed" }, "SlowConsumer"],
  [{ type: "disconnected" }, "Disconnected"],
  [{ type: "failed" }, "InternalError"],
  [garbage(4001), "Malformed"],
  [garbage(1009), "MessageTooBig"],
];

for (const [end, name] of ENDS) {
  Deno.test(`reduce() closes an open session with ${name} for ${end.type}`, () => {
    assertCloses(openedSession().feed(end), name);
    const session = new Driver().ready();
    const effects = session.feed(end);
    assert.deepEqual(types(effects), ["leave", "close"], "out of every table before the close");
    assertCloses(effects, name);
    assert.deepEqual(session.state, { phase: "closing", cutAt: START + OPTIONS.closeGraceMs });
  });
}

Deno.test("reduce() refuses with 1013, and sends no Hello", () => {
  const session = new Driver();
  assertCloses(session.feed({ type: "refused" }), "TryAgainLater");
  assert.deepEqual(session.feed({ type: "opened" }), []);
});

Deno.test("reduce() closes with 1012 or 1011 before Hello too", () => {
  assertCloses(new Driver().feed({ type: "drained" }), "ServiceRestart");
  assertCloses(new Driver().feed({ type: "failed" }), "InternalError");
});

Deno.test("reduce() passes the decoder's reason on to the peer", () => {
  const decoded = { ok: false, code: 4001, reason: "op is missing" } as const;
  assert.deepEqual(openedSession().feed({ type: "frameReceived", decoded }), [
    { type: "close", code: 4001, reason: "op is missing" },
  ]);
});

Deno.test("reduce() cuts a peer that does not answer the close frame at exactly the grace", () => {
  for (const offset of [-1, 0, 1]) {
    const session = new Driver().ready();
    session.feed({ type: "drained" });
    const effects = session.feed({ type: "ticked" }, 2_000 + offset);
    assert.deepEqual(types(effects), offset < 0 ? [] : ["terminate"]);
    assert.equal(session.state.phase, offset < 0 ? "closing" : "closed");
  }
});

Deno.test("reduce() cuts nobody who has answered the close frame", () => {
  const session = new Driver().ready();
  session.feed({ type: "drained" });
  assert.deepEqual(session.feed({ type: "closed" }, 2_000), []);
  assert.equal(session.state.phase, "closed");
  assert.equal(nextDeadline(session.state), undefined);
});

Deno.test("reduce() leaves once, whoever closes", () => {
  const session = new Driver().ready();
  assert.deepEqual(types(session.feed({ type: "closed" })), ["leave"]);
  assert.deepEqual(session.feed({ type: "closed" }), []);

  const other = new Driver().ready();
  for (const end of ["drained", "failed", "closed", "closed"] as const) other.feed({ type: end });
  assert.equal(types(other.effects).filter((type) => type === "leave").length, 1);
});

Deno.test("reduce() does nothing for what comes after the close frame", () => {
  const late: readonly SessionInput[] = [
    ...ENDS.map(([end]) => end),
    { type: "opened" },
    { type: "refused" },
    identify(),
    heartbeat(),
    verified(1),
    located(1),
    { type: "tokenRejected", attempt: 1, reason: "no" },
    { type: "dependencyFailed", attempt: 1 },
  ];
  for (const happening of late) {
    const session = openedSession();
    session.feed(identify());
    session.feed({ type: "drained" });
    const before = session.state;
    assert.deepEqual(session.feed(happening, 1_999), []);
    assert.deepEqual(session.state, before, "the grace is not put off");
  }
});

Deno.test("reduce() does nothing before the session is opened", () => {
  for (const happening of [identify(), garbage(), verified(1), located(1)]) {
    const session = new Driver();
    assert.deepEqual(session.feed(happening), []);
    assert.deepEqual(session.state, { phase: "new" });
  }
});

Deno.test("reduce() takes deadlines in their order when a tick is late", () => {
  // The beat at 45 s, then the token's expiry at 50 s.
  const session = new Driver().ready({ expiresAt: START + 50_000 });
  const effects = session.feedAt(START + 60_000, { type: "ticked" });
  assert.deepEqual(sent(effects), [{ op: Op.Heartbeat, time: START + 60_000 }]);
  assert.deepEqual(types(effects), ["send", "leave", "close"]);
  assertCloses(effects, "IdentifyFailed");
  assert.equal(nextDeadline(session.state), START + 62_000);
});

Deno.test("reduce() takes the first of the deadlines that end a session, and only that", () => {
  const options = { heartbeatIntervalMs: 3_000 };
  const cases: readonly (readonly [SessionInput[], CloseCodeName])[] = [
    // Hello, beat at 3 s, ACK deadline at 6 s, identify timeout at 10 s.
    [[], "HeartbeatTimeout"],
    // The verification deadline at 5 s comes before the ACK deadline at 6 s.
    [[identify()], "InternalError"],
    // The token's expiry at 4 s comes before both.
    [[identify(), verified(1, { expiresAt: START + 4_000 })], "IdentifyFailed"],
  ];
  for (const [happenings, name] of cases) {
    const session = openedSession(options);
    for (const happening of happenings) session.feed(happening);
    session.tick();
    assertCloses(session.feedAt(START + 600_000, { type: "ticked" }), name);
  }
});

Deno.test("reduce() gives deadlines of the same millisecond the order of the table", () => {
  const options = {
    heartbeatIntervalMs: 5_000,
    identifyTimeoutMs: 10_000,
    verifyTimeoutMs: 10_000,
  };
  const unidentified = openedSession(options);
  unidentified.tick();
  assertCloses(unidentified.feedAt(START + 10_000, { type: "ticked" }), "IdentifyTimeout");

  const verifying = openedSession(options);
  verifying.feed(identify());
  verifying.tick();
  assertCloses(verifying.feedAt(START + 10_000, { type: "ticked" }), "InternalError");

  const expiring = new Driver(options).ready({ expiresAt: START + 10_000 });
  expiring.tick();
  assertCloses(expiring.feedAt(START + 10_000, { type: "ticked" }), "IdentifyFailed");
});

Deno.test("reduce() lets the peer's close come before a deadline that is as late", () => {
  const session = new Driver().ready({ expiresAt: START + 10 });
  assert.deepEqual(types(session.feed({ type: "closed" }, 1_000_000)), ["leave"]);
});

Deno.test("reduce() takes no grace for: cut at once", () => {
  const session = new Driver({ closeGraceMs: 0 }).ready({ expiresAt: START + 10 });
  assert.deepEqual(types(session.feed({ type: "ticked" }, 10)), ["leave", "close", "terminate"]);
  assert.equal(session.state.phase, "closed");
});
