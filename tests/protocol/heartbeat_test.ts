/**
 * Heartbeats in both directions, and the ACK deadline to the millisecond (docs/protocol.md,
 * "Heartbeats").
 *
 * @module
 */

import assert from "node:assert/strict";
import { Op } from "../../gateway/protocol/codes.ts";
import { nextDeadline, reduce } from "../../gateway/protocol/session.ts";
import {
  ack,
  assertCloses,
  Driver,
  garbage,
  heartbeat,
  identify,
  openedSession,
  sent,
  START,
  verified,
} from "./support.ts";

const INTERVAL = 45_000;
/** Options under which heartbeats run without Identify. */
const PATIENT = { identifyTimeoutMs: 10 * INTERVAL, verifyTimeoutMs: 10 * INTERVAL };

/** A session in each open phase, opened at START with no heartbeat sent yet. */
const PHASES: Readonly<Record<string, () => Driver>> = {
  unidentified: () => openedSession(PATIENT),
  verifying: () => {
    const session = openedSession(PATIENT);
    session.feed(identify());
    return session;
  },
  locating: () => {
    const session = openedSession(PATIENT);
    session.feed(identify());
    session.feed(verified(1));
    return session;
  },
  ready: () => new Driver(PATIENT).ready(),
};

Deno.test("reduce() greets with Hello and its heartbeat interval, at once", () => {
  const session = new Driver();
  assert.deepEqual(sent(session.feed({ type: "opened" })), [
    { op: Op.Hello, heartbeat_interval: INTERVAL },
  ]);
});

for (const [phase, begin] of Object.entries(PHASES)) {
  Deno.test(`reduce() sends the first heartbeat one interval after Hello while ${phase}`, () => {
    for (const [offset, count] of [[-1, 0], [0, 1], [1, 1]] as const) {
      const session = begin();
      const effects = session.feedAt(START + INTERVAL + offset, { type: "ticked" });
      assert.equal(session.state.phase, phase);
      assert.deepEqual(
        effects,
        count === 0 ? [] : [
          { type: "send", frame: { op: Op.Heartbeat, time: START + INTERVAL + offset } },
        ],
      );
    }
  });

  Deno.test(`reduce() closes with 4002 at exactly beat + interval while ${phase}`, () => {
    for (const offset of [-1, 0, 1]) {
      const session = begin();
      session.tick();
      const effects = session.feedAt(START + 2 * INTERVAL + offset, { type: "ticked" });
      if (offset < 0) {
        assert.deepEqual(effects, []);
        assert.equal(session.state.phase, phase);
      } else {
        assertCloses(effects, "HeartbeatTimeout");
      }
    }
  });

  Deno.test(`reduce() takes an ACK until 1 ms before the deadline while ${phase}`, () => {
    for (const offset of [-1, 0, 1]) {
      const session = begin();
      session.tick();
      const effects = session.feedAt(START + 2 * INTERVAL + offset, ack(START + INTERVAL));
      if (offset < 0) assert.deepEqual(effects, [{ type: "recordRoundTrip", ms: INTERVAL - 1 }]);
      else assertCloses(effects, "HeartbeatTimeout");
    }
  });

  Deno.test(`reduce() answers a heartbeat with its own time while ${phase}`, () => {
    for (const time of [0, 1, START, 2 ** 31, 2 ** 53 - 1]) {
      assert.deepEqual(begin().feed(heartbeat(time), 3), [
        { type: "send", frame: { op: Op.HeartbeatAck, time } },
      ]);
    }
  });
}

Deno.test("reduce() takes a frame that is no ACK for no proof of life", () => {
  const session = new Driver().ready();
  session.tick();
  for (let i = 0; i < 44; i++) session.feed(heartbeat(i), 1_000);
  assertCloses(session.tick(), "HeartbeatTimeout");
});

Deno.test("reduce() ignores an ACK whose time matches no outstanding beat", () => {
  const session = new Driver().ready();
  assert.deepEqual(session.feed(ack(START)), [], "before the first beat");
  session.tick();
  const beat = session.at;
  for (const time of [0, beat - 1, beat + 1, beat - INTERVAL, 2 ** 53 - 1]) {
    assert.deepEqual(session.feed(ack(time)), []);
  }
  assertCloses(session.tick(), "HeartbeatTimeout");
});

Deno.test("reduce() ignores the second of two ACKs, and the ACK of an older beat", () => {
  const session = new Driver().ready();
  session.tick();
  const first = session.at;
  assert.equal(session.feed(ack(first), 10).length, 1);
  assert.deepEqual(session.feed(ack(first), 10), []);
  session.tick();
  assert.deepEqual(session.feed(ack(first)), []);
  assertCloses(session.tick(), "HeartbeatTimeout");
});

Deno.test("reduce() closes nobody for sending no heartbeats of its own", () => {
  const session = new Driver().ready();
  for (let beat = 0; beat < 100; beat++) {
    session.tick();
    session.feed(ack(session.at));
  }
  assert.equal(session.state.phase, "ready");
});

Deno.test("reduce() gives a whole interval for the ACK of a beat that went out late", () => {
  const session = new Driver().ready();
  const late = START + INTERVAL + 20_000;
  assert.deepEqual(sent(session.feedAt(late, { type: "ticked" })), [
    { op: Op.Heartbeat, time: late },
  ]);
  assert.equal(nextDeadline(session.state), late + INTERVAL);
});

Deno.test("reduce() sends one beat, not several, after a tick that is hours late", () => {
  const session = new Driver().ready();
  assert.equal(session.feed({ type: "ticked" }, 20 * INTERVAL).length, 1);
});

Deno.test("reduce() sends the beat that is due before it looks at the frame", () => {
  const session = new Driver().ready();
  const effects = session.feedAt(START + INTERVAL, heartbeat(5));
  assert.deepEqual(sent(effects), [
    { op: Op.Heartbeat, time: START + INTERVAL },
    { op: Op.HeartbeatAck, time: 5 },
  ]);
});

Deno.test("reduce() sends whole milliseconds when its clock has fractions", () => {
  const session = new Driver().ready();
  const [beat] = sent(session.feedAt(START + INTERVAL + 0.75, { type: "ticked" }));
  assert.deepEqual(beat, { op: Op.Heartbeat, time: START + INTERVAL });
  assert.deepEqual(session.feed(ack(START + INTERVAL), 1), [{ type: "recordRoundTrip", ms: 1.75 }]);
});

Deno.test("a session that ACKs every beat lives for a virtual year", () => {
  const { options, ...session } = new Driver().ready();
  const yearMs = 365 * 24 * 3_600_000;
  let { state } = session;
  let beats = 0;
  // Straight to the reducer, because these are one and a half million events.
  for (let at = START + INTERVAL; at < START + yearMs; at += INTERVAL) {
    const [waiting, [beat]] = reduce(state, { type: "ticked", at }, options);
    if (beat?.type !== "send" || beat.frame.op !== Op.Heartbeat) assert.fail(`no beat at ${at}`);
    // Now at once, now at the last millisecond.
    const answerMs = beats++ % 2 === 0 ? 0 : INTERVAL - 1;
    const event = { ...ack(beat.frame.time), at: at + answerMs };
    const [acknowledged, [roundTrip]] = reduce(waiting, event, options);
    if (roundTrip?.type !== "recordRoundTrip") assert.fail(`the ACK at ${event.at} did not count`);
    state = acknowledged;
  }
  assert.equal(state.phase, "ready");
  assert.equal(beats, yearMs / INTERVAL - 1);
});

Deno.test("a session that stops after a week is closed with 4002 at exactly beat + interval", () => {
  const session = new Driver().ready();
  while (session.at < START + 7 * 24 * 3_600_000) {
    session.tick();
    session.feed(ack(session.at));
  }
  session.tick();
  const beat = session.at;
  assert.deepEqual(session.feedAt(beat + INTERVAL - 1, { type: "ticked" }), []);
  const effects = session.feedAt(beat + INTERVAL, { type: "ticked" });
  assert.deepEqual(effects.map(({ type }) => type), ["leave", "close"]);
  assertCloses(effects, "HeartbeatTimeout");
});

Deno.test("a session that is closing sends no heartbeats", () => {
  const session = new Driver({ closeGraceMs: 3 * INTERVAL }).ready();
  session.feed(garbage());
  assert.deepEqual(session.feed({ type: "ticked" }, INTERVAL), []);
  assert.deepEqual(session.feed(heartbeat()), []);
});
