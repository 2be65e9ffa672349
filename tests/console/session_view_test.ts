/**
 * The session in the console, derived from the socket's events.
 *
 * @module
 */

import assert from "node:assert/strict";
import { nextSession, NO_SESSION, type SessionView } from "../../console/session_view.ts";
import type { SocketEvent } from "../../console/frames.ts";

const INTERVAL_MS = 1000;
const OPENING: SocketEvent = { type: "opening", url: "ws://gateway.example/gateway" };
const IDENTIFY = sent({ op: 1, token: `.${btoa('{"exp":60}')}.` });
const HELLO = received({ op: 0, heartbeat_interval: INTERVAL_MS });
const READY = received({ op: 2, user: "7", last_id: "x-1" });

function received(frame: object): SocketEvent {
  return { type: "received", data: JSON.stringify(frame) };
}

function sent(frame: object, isWithheld = false): SocketEvent {
  return { type: "sent", text: JSON.stringify(frame), isWithheld };
}

/** The session after `events`, a millisecond apart. */
function play(...events: readonly SocketEvent[]): SessionView {
  return events.reduce((session, event, at) => nextSession(session, event, at), NO_SESSION);
}

function phases(session: SessionView): readonly string[] {
  return session.trail.map(({ phase }) => phase);
}

Deno.test("nextSession() goes from Hello by Identify to Ready", () => {
  const session = play(OPENING, { type: "opened" }, HELLO, IDENTIFY, READY);
  assert.equal(session.phase, "ready");
  assert.deepEqual(phases(session), ["new", "unidentified", "verifying", "ready"]);
  assert.equal(session.beatDueAt, 2 + INTERVAL_MS);
  assert.equal(session.expiresAt, 60_000);
});

Deno.test("nextSession() shows unidentified where Identify went out before Hello came", () => {
  const session = play(OPENING, { type: "opened" }, IDENTIFY, HELLO, READY);
  assert.deepEqual(phases(session), ["new", "unidentified", "verifying", "ready"]);
});

Deno.test("nextSession() stays ready when the token is renewed", () => {
  const session = play(OPENING, HELLO, IDENTIFY, READY, sent({ op: 1, token: "another" }), READY);
  assert.equal(session.phase, "ready");
  assert.equal(session.expiresAt, undefined);
});

Deno.test("nextSession() counts to 4002 from the first heartbeat that is not answered", () => {
  const beat = received({ op: 10, time: 5 });
  const withheld = sent({ op: 11, time: 5 }, true);
  const session = play(OPENING, HELLO, IDENTIFY, READY, beat, withheld, beat, withheld);
  assert.equal(session.timeoutAt, 5 + INTERVAL_MS);
  assert.equal(session.beatDueAt, 6 + INTERVAL_MS);
});

Deno.test("nextSession() forgets its deadlines when the connection is gone, and the next starts fresh", () => {
  const closed: SocketEvent = { type: "closed", code: 4002, reason: "" };
  const session = play(OPENING, HELLO, IDENTIFY, READY, { type: "closing" }, closed);
  assert.deepEqual(phases(session).slice(-2), ["closing", "closed"]);
  assert.deepEqual(
    [session.beatDueAt, session.timeoutAt, session.expiresAt],
    [undefined, undefined, undefined],
  );
  assert.deepEqual(phases(nextSession(session, OPENING, 9)), ["new"]);
  assert.deepEqual(nextSession(session, { type: "blocked" }, 9), session);
});
