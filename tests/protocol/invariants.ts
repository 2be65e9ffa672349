/**
 * The invariants of every session. Each is a function of one step of the reducer and of the session's
 * history.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Op } from "../../gateway/protocol/codes.ts";
import { nextDeadline } from "../../gateway/protocol/session.ts";
import type { SessionEffect } from "../../gateway/protocol/session_types.ts";
import { pendingOf, type Taken } from "./oracle.ts";

/** The history of a session: as little as the invariants need. */
export interface History {
  readonly greeted: boolean;
  readonly subscribed: boolean;
  readonly closeSent: boolean;
  readonly terminated: boolean;
  /** The Identify whose token was accepted last, and whether its start position was found. */
  readonly proven: number | undefined;
}

/** The history of a session to which nothing has happened. */
export const NOTHING: History = {
  greeted: false,
  subscribed: false,
  closeSent: false,
  terminated: false,
  proven: undefined,
};

export function remember(history: History, { event, step: [, effects] }: Taken): History {
  const has = (type: SessionEffect["type"]) => effects.some((effect) => effect.type === type);
  return {
    greeted: history.greeted || has("send"),
    subscribed: has("unsubscribe") ? false : history.subscribed || has("subscribe"),
    closeSent: history.closeSent || has("close"),
    terminated: history.terminated || has("terminate"),
    proven: event.type === "tokenVerified" && has("locate") ? event.attempt : history.proven,
  };
}

type Invariant = (taken: Taken, history: History) => void;

export const INVARIANTS: Readonly<Record<string, Invariant>> = {
  nothingIsSentBeforeHello({ step: [, effects] }, { greeted }) {
    const [first] = effects.filter(({ type }) => type === "send");
    if (!greeted && first?.type === "send") assert.equal(first.frame.op, Op.Hello);
  },

  helloIsSentOnce({ step: [, effects] }, { greeted }) {
    for (const effect of effects) {
      if (effect.type === "send" && effect.frame.op === Op.Hello) assert.equal(greeted, false);
    }
  },

  nothingIsDoneAfterCloseButTerminate({ step: [, effects] }, { closeSent, terminated }) {
    const closed = effects.findIndex(({ type }) => type === "close");
    const over = closeSent || closed >= 0;
    const rest = over ? effects.slice(closed + 1) : [];
    assert(rest.every(({ type }) => type === "terminate"));
    assert(rest.length + (terminated ? 1 : 0) <= 1, "terminated twice");
    if (!over) {
      assert(effects.every(({ type }) => type !== "terminate"), "terminated without a close");
    }
  },

  readyOnlyOnceVerifiedAndLocated({ event, step: [, effects] }, { proven }) {
    const readies = effects.filter((e) => e.type === "send" && e.frame.op === Op.Ready);
    if (readies.length === 0) return;
    assert.equal(readies.length, 1);
    assert(event.type === "located" && event.attempt === proven);
    assert.equal(effects[effects.findIndex((e) => e === readies[0]) + 1]?.type, "subscribe");
  },

  neverReadyForAnExpiredToken({ event, step: [after] }) {
    if (after.phase === "ready") assert(after.expiresAt > event.at);
  },

  subscribedIfAndOnlyIfReady({ step: [after, effects] }, { subscribed }) {
    let is = subscribed;
    for (const { type } of effects) {
      if (type === "subscribe") is = true;
      if (type === "unsubscribe") is = false;
    }
    assert.equal(is, after.phase === "ready");
  },

  unsubscribesExactlyOnce({ before, step: [after, effects] }, { subscribed }) {
    const count = effects.filter(({ type }) => type === "unsubscribe").length;
    assert.equal(count, before.phase === "ready" && after.phase !== "ready" ? 1 : 0);
    if (count === 1) assert(subscribed, "unsubscribed without a subscription");
  },

  aCloseFrameLeadsToClosing({ step: [after, effects] }) {
    if (effects.some(({ type }) => type === "close")) {
      assert(after.phase === "closing" || effects.at(-1)?.type === "terminate");
    }
  },

  closingEndsWithinTheGrace({ event, options, step: [after] }) {
    if (after.phase === "closing") assert(after.terminateAt <= event.at + options.closeGraceMs);
  },

  theGraceIsNeverPutOff({ before, step: [after] }) {
    if (before.phase === "closing" && after.phase === "closing") {
      assert.equal(after.terminateAt, before.terminateAt);
    }
  },

  everyDeadlineLiesAhead({ event, step: [after] }) {
    const deadline = nextDeadline(after);
    if (deadline !== undefined) assert(deadline > event.at, `${deadline} <= ${event.at}`);
  },

  onlyNewAndClosedWaitForNothing({ step: [after] }) {
    const waits = after.phase !== "new" && after.phase !== "closed";
    assert.equal(nextDeadline(after) !== undefined, waits);
  },

  anUnacknowledgedBeatEndsOneIntervalLater({ options, step: [after] }) {
    if ("outstandingHeartbeat" in after && after.outstandingHeartbeat !== undefined) {
      assert.equal(after.heartbeatDueAt, after.outstandingHeartbeat + options.heartbeatIntervalMs);
    }
  },

  theNextBeatIsAtMostOneIntervalAway({ event, options, step: [after] }) {
    if ("heartbeatDueAt" in after) {
      assert(after.heartbeatDueAt <= event.at + options.heartbeatIntervalMs);
    }
  },

  everyHeartbeatOfAnOpenSessionIsAnswered({ event, step: [after, effects] }) {
    if (event.type !== "frameReceived" || !event.decoded.ok) return;
    if (!("heartbeatDueAt" in after) || event.decoded.frame.op !== Op.Heartbeat) return;
    const answer = { op: Op.HeartbeatAck, time: event.decoded.frame.time };
    assert.deepEqual(effects.at(-1), { type: "send", frame: answer });
  },

  theWindowHoldsNoMoreThanTheLimit({ event, options, step: [after] }) {
    if (!("frames" in after)) return;
    assert(after.frames.length <= options.rateLimitFrames);
    if (event.type === "frameReceived") {
      assert(after.frames.every((at) => at > event.at - options.rateLimitWindowMs));
    }
  },

  thePendingIdentifyIsTheNewest({ step: [after] }) {
    if (after.phase === "verifying" || after.phase === "locating") {
      assert.equal(after.identification.attempt, after.attempts);
    }
    if (after.phase === "ready" && after.renewal !== undefined) {
      assert.equal(after.renewal.attempt, after.attempts);
    }
  },

  identifyingEndsInTime({ event, options, step: [after] }) {
    if (after.phase === "unidentified") {
      assert(after.identifyBy <= event.at + options.identifyTimeoutMs);
    }
    if (after.phase === "verifying" || after.phase === "locating") {
      assert(after.identification.by <= event.at + options.verifyTimeoutMs);
    }
  },

  identifyingIsNeverPutOff({ before, step: [after] }) {
    if (before.phase === "unidentified" && after.phase === "unidentified") {
      assert.equal(after.identifyBy, before.identifyBy);
    }
    const by = pendingOf(before)?.by;
    if (by !== undefined && pendingOf(after) !== undefined) {
      assert.equal(pendingOf(after)?.by, by);
    }
  },

  everyReasonFitsACloseFrame({ event, step: [, effects] }) {
    for (const effect of effects) {
      if (effect.type !== "close") continue;
      const { length } = new TextEncoder().encode(effect.reason);
      assert(length <= 123 && (length > 0 || event.type === "violated"));
    }
  },

  theUserOfASessionNeverChanges({ before, step: [after] }) {
    if (before.phase === "ready" && after.phase === "ready") assert.equal(after.user, before.user);
  },

  closedIsForGood({ before, step: [after, effects] }) {
    if (before.phase === "closed") assert.deepEqual([after, effects], [{ phase: "closed" }, []]);
  },
};

const NAMED = Object.entries(INVARIANTS);

export function assertInvariants(taken: Taken, history: History): void {
  let checking = "";
  try {
    for (const [name, holds] of NAMED) {
      checking = name;
      holds(taken, history);
    }
  } catch (cause) {
    const { before, event, step } = taken;
    throw new Error(`${checking}: ${JSON.stringify({ before, event, step, history })}`, { cause });
  }
}
