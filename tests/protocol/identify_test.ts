/**
 * From Hello to Ready: the deadlines, and the contents of frames and effects (docs/protocol.md,
 * "Identify").
 *
 * @module
 */

import assert from "node:assert/strict";
import { Op } from "../../gateway/protocol/codes.ts";
import {
  assertCloses,
  Driver,
  identify,
  located,
  openedSession,
  START,
  types,
  verified,
} from "./support.ts";

/** A session with each kind of deadline, and the time from START to its end. */
const DEADLINES = [
  ["IdentifyTimeout", "unidentified", 10_000, () => openedSession()],
  ["InternalError", "verifying", 5_000, () => {
    const session = openedSession();
    session.feed(identify());
    return session;
  }],
  ["InternalError", "locating", 5_000, () => {
    const session = openedSession();
    session.feed(identify());
    session.feed(verified(1), 4_000);
    return session;
  }],
  ["IdentifyFailed", "ready", 30_000, () => new Driver().ready({ expiresAt: START + 30_000 })],
] as const;

for (const [name, phase, afterMs, begin] of DEADLINES) {
  Deno.test(`reduce() closes with ${name} while ${phase} at exactly ${afterMs} ms`, () => {
    for (const offset of [-1, 0, 1]) {
      const effects = begin().feedAt(START + afterMs + offset, { type: "ticked" });
      if (offset < 0) assert.deepEqual(effects, []);
      else assertCloses(effects, name);
    }
  });
}

Deno.test("reduce() verifies the token, finds the place, sends Ready and subscribes, in this order", () => {
  const session = openedSession();
  assert.deepEqual(session.feed(identify(), 5), [
    { type: "verifyToken", attempt: 1, token: "token" },
  ]);
  assert.deepEqual(session.feed(verified(1, { channels: ["a", "b"] }), 5), [{
    type: "locate",
    attempt: 1,
    user: "ada",
    channels: ["a", "b"],
    lastId: undefined,
    renewal: false,
  }]);
  assert.deepEqual(session.feed(located(1, "e-41"), 5), [
    { type: "send", frame: { op: Op.Ready, user: "ada", last_id: "e-41" } },
    { type: "subscribe", user: "ada", channels: ["a", "b"], signals: false },
  ]);
});

for (const resumed of [true, false]) {
  Deno.test(`reduce() says resumed: ${resumed} when Identify carried a last_id`, () => {
    const session = openedSession();
    session.feed(identify("e-40"));
    const [locate] = session.feed(verified(1));
    assert(locate?.type === "locate");
    assert.equal(locate.lastId, "e-40");
    const [ready] = session.feed(located(1, "e-40", resumed));
    assert.deepEqual(ready, {
      type: "send",
      frame: { op: Op.Ready, user: "ada", last_id: "e-40", resumed },
    });
  });
}

Deno.test("reduce() takes an empty last_id for one", () => {
  const session = openedSession();
  session.feed(identify(""));
  session.feed(verified(1));
  const [ready] = session.feed(located(1, "e-9"));
  assert(ready?.type === "send" && ready.frame.op === Op.Ready);
  assert.equal(ready.frame.resumed, false);
});

Deno.test("reduce() closes with 4003 and the verifier's reason when the token is refused", () => {
  const session = openedSession();
  session.feed(identify());
  const effects = session.feed({ type: "tokenRejected", attempt: 1, reason: "not yet valid" });
  assertCloses(effects, "IdentifyFailed");
  assert.deepEqual(effects, [{ type: "close", code: 4003, reason: "not yet valid" }]);
});

Deno.test("reduce() verifies the new token when Identify comes while the place is being found", () => {
  const session = openedSession();
  session.feed(identify());
  session.feed(verified(1, { user: "ada" }));
  assert.deepEqual(types(session.feed(identify())), ["verifyToken"]);
  assert.equal(session.state.phase, "verifying");
  assert.deepEqual(session.feed(located(1)), []);
  session.feed(verified(2, { user: "bob" }));
  assert.deepEqual(session.feed(located(2))[0], {
    type: "send",
    frame: { op: Op.Ready, user: "bob", last_id: "e-1" },
  });
});
