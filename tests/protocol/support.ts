/**
 * Support for tests of the protocol: options, short ways to write events, and a driver that feeds a session
 * as a shell does. The driver decides nothing: every step is a call of `reduce`.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type CloseCodeName, closeName, Op } from "../../gateway/protocol/codes.ts";
import type { ClientFrame, ServerFrame } from "../../gateway/protocol/frames.ts";
import { initial, nextDeadline, reduce } from "../../gateway/protocol/session.ts";
import type {
  SessionEffect,
  SessionInput,
  SessionOptions,
  SessionState,
} from "../../gateway/protocol/session_types.ts";

/** The defaults of a gateway. */
export const OPTIONS: SessionOptions = {
  heartbeatIntervalMs: 45_000,
  identifyTimeoutMs: 10_000,
  verifyTimeoutMs: 5_000,
  closeGraceMs: 2_000,
  rateLimitFrames: 120,
  rateLimitWindowMs: 60_000,
};

/** The time at which sessions of the tests open. */
export const START = 1_579_276_740_336;

export function received(frame: ClientFrame): SessionInput {
  return { type: "frameReceived", decoded: { ok: true, frame } };
}

export function identify(lastId?: string): SessionInput {
  return received(
    lastId === undefined
      ? { op: Op.Identify, token: "token" }
      : { op: Op.Identify, token: "token", last_id: lastId },
  );
}

export function heartbeat(time = 7): SessionInput {
  return received({ op: Op.Heartbeat, time });
}

export function ack(time: number): SessionInput {
  return received({ op: Op.HeartbeatAck, time });
}

/** A WebSocket message that is no frame. */
export function garbage(code: 4001 | 1009 = 4001): SessionInput {
  return { type: "frameReceived", decoded: { ok: false, code, reason: "not JSON" } };
}

export function verified(
  attempt: number,
  { user = "ada", expiresAt = Infinity, channels = ["general"], issuedAt = 0 } = {},
): SessionInput {
  return { type: "tokenVerified", attempt, claims: { user, channels, expiresAt, issuedAt } };
}

export function located(attempt: number, lastId = "e-1", resumed = false): SessionInput {
  return { type: "located", attempt, lastId, resumed };
}

/** One session and the time it has seen. */
export class Driver {
  state: SessionState = initial();
  at = START;
  readonly effects: SessionEffect[] = [];
  readonly options: SessionOptions;

  constructor(options: Partial<SessionOptions> = {}) {
    this.options = { ...OPTIONS, ...options };
  }

  /** Feeds `input`, `afterMs` after the previous event; returns the effects. */
  feed(input: SessionInput, afterMs = 0): readonly SessionEffect[] {
    this.at += afterMs;
    const [state, effects] = reduce(this.state, { ...input, at: this.at }, this.options);
    this.state = state;
    this.effects.push(...effects);
    return effects;
  }

  feedAt(at: number, input: SessionInput): readonly SessionEffect[] {
    return this.feed(input, at - this.at);
  }

  /** Feeds `ticked` at the next deadline, as a shell with an exact timer does. */
  tick(): readonly SessionEffect[] {
    const deadline = nextDeadline(this.state);
    assert(deadline !== undefined, "the session waits for nothing");
    return this.feedAt(deadline, { type: "ticked" });
  }

  /** Opens the session and makes it ready, at the current time. */
  ready(claims: Parameters<typeof verified>[1] = {}): this {
    this.feed({ type: "opened" });
    this.feed(identify());
    this.feed(verified(1, claims));
    this.feed(located(1));
    assert.equal(this.state.phase, "ready");
    return this;
  }
}

/** A session that was opened at {@linkcode START}. */
export function openedSession(options: Partial<SessionOptions> = {}): Driver {
  const session = new Driver(options);
  session.feed({ type: "opened" });
  return session;
}

export function sent(effects: readonly SessionEffect[]): readonly ServerFrame[] {
  return effects.flatMap((effect) => effect.type === "send" ? [effect.frame] : []);
}

export function types(effects: readonly SessionEffect[]): readonly string[] {
  return effects.map((effect) => effect.type);
}

/** Asserts that `effects` end in one close with the code called `name`, after which nothing is sent. */
export function assertCloses(effects: readonly SessionEffect[], name: CloseCodeName): void {
  const closes = effects.flatMap((effect) => effect.type === "close" ? [effect] : []);
  assert.deepEqual(closes.map(({ code }) => closeName(code)), [name]);
  assert.equal(effects.at(-1)?.type, "close");
  const [close] = closes;
  assert(close !== undefined && close.reason.length > 0);
  assert(new TextEncoder().encode(close.reason).length <= 123, "the reason fits a close frame");
}
