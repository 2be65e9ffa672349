/**
 * Runs a million generated frames through decode and reduce: no exception, and each malformed frame
 * closes with 4001, or 1009 if it is too long.
 *
 * @module
 */

import assert from "node:assert/strict";
import {
  CloseCode,
  decode,
  nextDeadline,
  Op,
  reduce,
  type SessionOptions,
  type SessionState,
} from "../../gateway/protocol/mod.ts";
import { type Meaning, meaningOf } from "../../simulation/client_frames.ts";
import { FrameSource } from "./fuzz_frames.ts";

const FRAMES = 1_000_000;
const MAX_BYTES = 4096;
const OPTIONS: SessionOptions = {
  heartbeatIntervalMs: 45_000,
  identifyTimeoutMs: 10_000,
  verifyTimeoutMs: 5_000,
  closeGraceMs: 2_000,
  rateLimitFrames: 5,
  rateLimitWindowMs: 1_000,
};

/** A session in a phase that reads frames. */
function session(phase: number, at: number): SessionState {
  const open = { heartbeatDueAt: at + 45_000, outstandingHeartbeat: at, frames: [], attempts: 1 };
  const waiting = { attempt: 1, lastId: undefined, signals: false, by: at + 5_000 };
  const claims = { user: "ada", channels: [], issuedAt: 0, expiresAt: Infinity };
  switch (phase) {
    case 0:
      return { ...open, phase: "unidentified", identifyBy: at + 10_000 };
    case 1:
      return { ...open, phase: "verifying", identification: { ...waiting, step: "verifying" } };
    case 2:
      return {
        ...open,
        phase: "locating",
        identification: { ...waiting, step: "locating", claims },
      };
    default:
      return {
        ...open,
        phase: "ready",
        user: "ada",
        issuedAt: 0,
        expiresAt: Infinity,
        renewal: undefined,
      };
  }
}

/** Asserts that `data` was decoded as `meaning` says. */
function assertDecoded(
  decoded: ReturnType<typeof decode>,
  meaning: Meaning,
  data: string | Uint8Array,
): void {
  if (!decoded.ok) {
    const { code, reason } = decoded;
    const same = meaning.kind === "fault" && meaning.code === code;
    if (!same || reason === "" || reason.length > 123) {
      assert.deepEqual(decoded, meaning, `refused ${JSON.stringify(data)}`);
    }
    return;
  }
  const { frame } = decoded;
  const same = frame.op === Op.Identify
    ? meaning.kind === "identify" && frame.token === meaning.token &&
      frame.last_id === meaning.lastId
    : meaning.kind === (frame.op === Op.Heartbeat ? "heartbeat" : "ack") &&
      frame.time === meaning.time;
  if (!same) assert.deepEqual(frame, meaning, `decoded ${JSON.stringify(data)}`);
}

Deno.test("decode() and reduce() take a million hostile frames without an exception", () => {
  const source = new FrameSource("20200117");
  const counts = { frame: 0, malformed: 0, tooBig: 0, rateLimited: 0, sessions: 0 };
  let at = 1_579_276_740_336;
  let state = session(3, at);
  for (let i = 0; i < FRAMES; i++) {
    const data = source.next(at);
    const decoded = decode(data, MAX_BYTES);
    // An exception of JSON.parse costs more than the rest, so only some are repeated.
    const sure = !decoded.ok && decoded.reason === "not JSON" && i % 16 > 0;
    const meaning = sure ? undefined : meaningOf(data, MAX_BYTES);
    if (meaning !== undefined) assertDecoded(decoded, meaning, data);
    const code = decoded.ok ? undefined : decoded.code;

    at += source.integer(60);
    if (state.phase === "closing" || (nextDeadline(state) ?? 0) <= at) {
      counts.sessions++;
      state = session(source.integer(4), at);
    }
    const [after, effects] = reduce(state, { type: "frameReceived", decoded, at }, OPTIONS);
    const last = effects.at(-1);
    const closedWith = last?.type === "close" ? last.code : undefined;
    if (closedWith === CloseCode.RateLimited.code) counts.rateLimited++;
    else if (closedWith !== code) {
      assert.fail(`closed with ${closedWith} for ${JSON.stringify(data)}`);
    }
    if ((after.phase === "closing") !== (closedWith !== undefined)) assert.fail(after.phase);
    if (code === 4001) counts.malformed++;
    else if (code === 1009) counts.tooBig++;
    else counts.frame++;
    state = after;
  }
  console.log(`fuzzed ${FRAMES} frames:`, counts);
  // The generator must keep producing every kind.
  assert(counts.frame > FRAMES / 4);
  assert(counts.malformed > FRAMES / 4);
  assert(counts.tooBig > FRAMES / 100);
  assert(counts.rateLimited > 0);
  assert.equal(Reflect.get({}, "op"), undefined, "a prototype was polluted");
});

Deno.test("decode() takes any depth that a large limit lets through", () => {
  for (const depth of [10_000, 400_000]) {
    for (const [open, close] of [["[", "]"], ['{"a":', "}"]] as const) {
      const text = `{"op":10,"time":1,"x":${open.repeat(depth)}1${close.repeat(depth)}}`;
      assert.deepEqual(decode(text, 10_000_000), {
        ok: true,
        frame: { op: Op.Heartbeat, time: 1 },
      });
      assert.equal(decode(open.repeat(depth), 10_000_000).ok, false);
    }
  }
});
