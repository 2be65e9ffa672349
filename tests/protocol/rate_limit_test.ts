/**
 * The rate limit: 120 frames in a sliding window of 60 s (docs/protocol.md, "Rate limit").
 *
 * @module
 */

import assert from "node:assert/strict";
import { ack, assertCloses, Driver, garbage, heartbeat, openedSession, START } from "./support.ts";

/** No deadline but the rate limit's own window matters here. */
const QUIET = { heartbeatIntervalMs: 10_000_000, identifyTimeoutMs: 10_000_000 };

Deno.test("reduce() takes 120 frames at once and closes with 4008 for the 121st", () => {
  const session = openedSession(QUIET);
  for (let frame = 1; frame <= 120; frame++) assert.equal(session.feed(heartbeat()).length, 1);
  assertCloses(session.feed(heartbeat()), "RateLimited");
});

Deno.test("reduce() counts every frame for the rate limit, ready or not", () => {
  const session = new Driver(QUIET).ready();
  for (let frame = 2; frame <= 120; frame++) session.feed(frame % 2 ? ack(frame) : heartbeat());
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

Deno.test("reduce() frees one place for each frame that leaves the window", () => {
  const session = openedSession(QUIET);
  for (let frame = 0; frame < 120; frame++) session.feed(heartbeat(), frame < 3 ? 100 : 0);
  session.feedAt(START + 60_250, heartbeat());
  session.feed(heartbeat());
  assert.equal(session.state.phase, "unidentified");
  assertCloses(session.feed(heartbeat()), "RateLimited");
});

Deno.test("reduce() takes two frames a second for as long as one likes", () => {
  const session = openedSession(QUIET);
  for (let frame = 0; frame < 500; frame++) session.feed(heartbeat(), 500);
  assert.equal(session.state.phase, "unidentified");
});

Deno.test("reduce() closes for the rate, not for the fault, when a frame is both", () => {
  const session = openedSession(QUIET);
  for (let frame = 0; frame < 120; frame++) session.feed(heartbeat());
  assertCloses(session.feed(garbage()), "RateLimited");
});

Deno.test("reduce() remembers no more frames than the limit", () => {
  const session = openedSession(QUIET);
  for (let frame = 0; frame < 300; frame++) session.feed(heartbeat(), 500);
  assert(session.state.phase === "unidentified");
  assert.equal(session.state.frames.length, 120);
});

Deno.test("reduce() names the limit that it was given in the reason", () => {
  const session = openedSession({ ...QUIET, rateLimitFrames: 2, rateLimitWindowMs: 1_000 });
  session.feed(heartbeat());
  session.feed(heartbeat());
  assert.deepEqual(session.feed(heartbeat()), [
    { type: "close", code: 4008, reason: "more than 2 frames in 1 s" },
  ]);
});
