/**
 * From Hello to Ready: the identify timeout, verification and its deadline, outcomes that come too
 * late, and the expiry of tokens (docs/protocol.md, "Identify").
 *
 * @module
 */

import assert from "node:assert/strict";
import { Op } from "../../gateway/protocol/codes.ts";
import {
  ack,
  assertCloses,
  Driver,
  heartbeat,
  identify,
  located,
  openedSession,
  START,
  types,
  verified,
} from "./support.ts";

Deno.test("reduce() closes with 4004 at exactly the identify timeout", () => {
  for (const offset of [-1, 0, 1]) {
    const session = openedSession();
    const effects = session.feedAt(START + 10_000 + offset, { type: "ticked" });
    if (offset < 0) assert.deepEqual(effects, []);
    else assertCloses(effects, "IdentifyTimeout");
  }
});

Deno.test("reduce() takes an Identify until 1 ms before the timeout", () => {
  for (const offset of [-1, 0, 1]) {
    const session = openedSession();
    const effects = session.feedAt(START + 10_000 + offset, identify());
    if (offset < 0) assert.deepEqual(types(effects), ["verifyToken"]);
    else assertCloses(effects, "IdentifyTimeout");
  }
});

Deno.test("reduce() puts the identify timeout off for no other frame", () => {
  const session = openedSession();
  for (let second = 1; second < 10; second++) session.feed(heartbeat(), 1_000);
  assertCloses(session.tick(), "IdentifyTimeout");
  assert.equal(session.at, START + 10_000);
});

Deno.test("reduce() verifies the token, finds the place, says Ready and joins, in this order", () => {
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
    { type: "join", user: "ada", channels: ["a", "b"] },
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

Deno.test("reduce() closes with 1011 when the issuer or the log cannot be asked", () => {
  for (const asked of ["issuer", "log"]) {
    const session = openedSession();
    session.feed(identify());
    if (asked === "log") session.feed(verified(1));
    assertCloses(session.feed({ type: "dependencyFailed", attempt: 1 }), "InternalError");
  }
});

Deno.test("reduce() closes with 1011 at exactly the verification deadline", () => {
  for (const answered of [false, true]) {
    for (const offset of [-1, 0, 1]) {
      const session = openedSession();
      session.feed(identify());
      if (answered) session.feed(verified(1), 4_000);
      const effects = session.feedAt(START + 5_000 + offset, { type: "ticked" });
      if (offset < 0) assert.deepEqual(effects, []);
      else assertCloses(effects, "InternalError");
    }
  }
});

Deno.test("reduce() lets no outcome in at or after the verification deadline", () => {
  for (const offset of [-1, 0, 1]) {
    const session = openedSession();
    session.feed(identify());
    session.feed(verified(1));
    const effects = session.feedAt(START + 5_000 + offset, located(1));
    if (offset < 0) assert.deepEqual(types(effects), ["send", "join"]);
    else assertCloses(effects, "InternalError");
  }
});

Deno.test("reduce() gives a client that identifies again no more time", () => {
  const session = openedSession();
  session.feed(identify());
  for (let second = 1; second < 5; second++) session.feed(identify(), 1_000);
  assertCloses(session.tick(), "InternalError");
  assert.equal(session.at, START + 5_000);
});

Deno.test("reduce() lets the newest Identify win and ignores the outcomes of older ones", () => {
  for (
    const outcome of [
      verified(1),
      located(1),
      { type: "tokenRejected", attempt: 1, reason: "no" },
      { type: "dependencyFailed", attempt: 1 },
    ] as const
  ) {
    const session = openedSession();
    session.feed(identify());
    assert.deepEqual(session.feed(identify("e-3")), [
      { type: "verifyToken", attempt: 2, token: "token" },
    ]);
    assert.deepEqual(session.feed(outcome), [], `${outcome.type} while verifying`);
    session.feed(verified(2));
    assert.deepEqual(session.feed(outcome), [], `${outcome.type} while locating`);
    session.feed(located(2, "e-3", true));
    assert.deepEqual(session.feed(outcome), [], `${outcome.type} while ready`);
    assert.equal(session.state.phase, "ready");
  }
});

Deno.test("reduce() verifies anew when Identify comes while the place is being found", () => {
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

Deno.test("reduce() ignores an outcome that comes twice", () => {
  const session = openedSession();
  session.feed(identify());
  session.feed(verified(1));
  assert.deepEqual(session.feed(verified(1)), []);
  session.feed(located(1));
  assert.deepEqual(session.feed(located(1)), []);
  assert.deepEqual(session.feed(verified(1)), []);
  assert.equal(session.state.phase, "ready");
});

Deno.test("reduce() closes with 4003 when a token has expired by the time it is verified", () => {
  for (const offset of [-1, 0, 1]) {
    const session = openedSession();
    session.feed(identify());
    const effects = session.feed(verified(1, { expiresAt: START + 1_000 }), 1_000 + offset);
    if (offset < 0) assert.deepEqual(types(effects), ["locate"]);
    else assertCloses(effects, "IdentifyFailed");
  }
});

Deno.test("reduce() says Ready to nobody whose token expired while the place was found", () => {
  for (const offset of [-1, 0, 1]) {
    const session = openedSession();
    session.feed(identify());
    session.feed(verified(1, { expiresAt: START + 1_000 }));
    const effects = session.feed(located(1), 1_000 + offset);
    if (offset < 0) assert.deepEqual(types(effects), ["send", "join"]);
    else assertCloses(effects, "IdentifyFailed");
  }
});

Deno.test("reduce() closes with 4003 at exactly the expiry of the token of a ready session", () => {
  for (const offset of [-1, 0, 1]) {
    const session = new Driver().ready({ expiresAt: START + 30_000 });
    const effects = session.feedAt(START + 30_000 + offset, { type: "ticked" });
    if (offset < 0) {
      assert.deepEqual(effects, []);
    } else {
      assert.deepEqual(types(effects), ["leave", "close"]);
      assertCloses(effects, "IdentifyFailed");
    }
  }
});

Deno.test("reduce() keeps a session whose token never expires", () => {
  const session = new Driver().ready({ expiresAt: Infinity });
  for (let beat = 0; beat < 10; beat++) {
    session.tick();
    session.feed(ack(session.at));
  }
  assert.equal(session.state.phase, "ready");
});

Deno.test("reduce() joins nobody before Ready", () => {
  const session = openedSession();
  session.feed(identify());
  session.feed(verified(1));
  assert.equal(types(session.effects).includes("join"), false);
});
