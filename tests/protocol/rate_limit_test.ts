/**
 * The rate limit: 120 frames in a sliding window of 60 s (docs/protocol.md, "Rate limit").
 *
 * @module
 */

import assert from "node:assert/strict";
import type { SessionInput } from "../../gateway/protocol/session_types.ts";
import { ack, assertCloses, Driver, heartbeat, openedSession, START } from "./support.ts";

/** Long enough that only the window of the rate limit matters. */
const QUIET = { heartbeatIntervalMs: 10_000_000, identifyTimeoutMs: 10_000_000 };

Deno.test("reduce() takes 120 frames of any kind and closes with 4008 for the 121st", () => {
  const session = new Driver(QUIET).ready();
  const kinds: readonly SessionInput[] = [ack(1), heartbeat(), { type: "controlReceived" }];
  for (let frame = 2; frame <= 120; frame++) {
    session.feed(kinds[frame % 3]!);
    assert.equal(session.state.phase, "ready");
  }
  assertCloses(session.feed(ack(1)), "RateLimited");
});

Deno.test("reduce() lets a frame out of the window after exactly 60 s", () => {
  for (const offset of [-1, 0, 1]) {
    const session = openedSession(QUIET);
    session.feed(heartbeat());
    for (let frame = 2; frame <= 120; frame++) session.feed(heartbeat(), frame === 2 ? 10 : 0);
    const effects = session.feedAt(START + 60_000 + offset, heartbeat());
    if (offset < 0) assertCloses(effects, "RateLimited");
    else assert.equal(session.state.phase, "unidentified");
  }
});

Deno.test("reduce() names the limit that it was given in the reason", () => {
  const session = openedSession({ ...QUIET, rateLimitFrames: 2, rateLimitWindowMs: 1_000 });
  session.feed(heartbeat());
  session.feed(heartbeat());
  assert.deepEqual(session.feed(heartbeat()), [
    { type: "close", code: 4008, reason: "more than 2 frames in 1 s" },
  ]);
});
