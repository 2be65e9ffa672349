/**
 * Identify while ready: the token is renewed, and nothing else changes (docs/protocol.md, "Renewing
 * the token").
 *
 * @module
 */

import assert from "node:assert/strict";
import { Op } from "../../gateway/protocol/codes.ts";
import {
  ack,
  assertCloses,
  Driver,
  identify,
  located,
  received,
  START,
  types,
  verified,
} from "./support.ts";

Deno.test("reduce() answers a renewal with a new Ready and the new channels", () => {
  const session = new Driver().ready({ expiresAt: START + 30_000 });
  assert.deepEqual(types(session.feed(identify(), 1_000)), ["verifyToken"]);
  assert.deepEqual(session.feed(verified(2, { channels: ["new"] })), [{
    type: "locate",
    attempt: 2,
    user: "ada",
    channels: ["new"],
    lastId: undefined,
    renewal: true,
  }]);
  assert.deepEqual(session.feed(located(2, "e-50")), [
    { type: "send", frame: { op: Op.Ready, user: "ada", last_id: "e-50" } },
    { type: "subscribe", user: "ada", channels: ["new"], signals: false },
  ]);
});

Deno.test("reduce() subscribes to signals if the newest Identify that took effect asks for them", () => {
  const session = new Driver().ready();
  for (const signals of [true, false, undefined, true]) {
    session.feed(received({ op: Op.Identify, token: "token", signals }));
    const attempt = "attempts" in session.state ? session.state.attempts : NaN;
    session.feed(verified(attempt));
    const subscribe = session.feed(located(attempt)).at(-1);
    assert.ok(subscribe?.type === "subscribe");
    assert.equal(subscribe.signals, signals === true);
  }
});

Deno.test("reduce() passes a renewal's last_id on and says resumed only then", () => {
  const session = new Driver().ready();
  session.feed(identify("e-49"));
  const [locate] = session.feed(verified(2));
  assert(locate?.type === "locate");
  assert.deepEqual([locate.lastId, locate.renewal], ["e-49", true]);
  assert.deepEqual(session.feed(located(2, "e-50", true))[0], {
    type: "send",
    frame: { op: Op.Ready, user: "ada", last_id: "e-50", resumed: true },
  });
});

Deno.test("reduce() counts the expiry of the new token from the moment it is verified", () => {
  const session = new Driver().ready({ expiresAt: START + 10_000 });
  session.feed(identify(), 9_000);
  session.feed(verified(2, { expiresAt: START + 20_000 }), 999);
  assert.deepEqual(session.feed({ type: "ticked" }, 1), [], "the old expiry");
  session.feed(located(2));
  assert.deepEqual(session.feedAt(START + 19_999, { type: "ticked" }), []);
  assertCloses(session.feedAt(START + 20_000, { type: "ticked" }), "IdentifyFailed");
});

Deno.test("reduce() gives the next renewal its whole time once one is done", () => {
  const session = new Driver().ready();
  session.feed(identify());
  session.feed(verified(2), 4_000);
  session.feed(located(2));
  session.feed(identify());
  session.tick();
  assert.equal(session.at, START + 9_000);
});

Deno.test("reduce() keeps heartbeats and the rate limit running through a renewal", () => {
  const session = new Driver().ready();
  session.tick();
  const beat = session.at;
  session.feed(identify());
  session.feed(verified(2));
  session.feed(located(2));
  assert.deepEqual(session.feed(ack(beat), 100), [{ type: "recordRoundTrip", ms: 100 }]);
  assert(session.state.phase === "ready");
  assert.equal(session.state.frames.length, 3, "two Identify and an ACK in this window");
});
