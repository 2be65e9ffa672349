/**
 * The transition table as an oracle: finds the row for an event, and checks a step of the reducer against
 * it. The guards are implemented here, independently of the reducer.
 *
 * @module
 */

import assert from "node:assert/strict";
import { closeName, opName } from "../../gateway/protocol/codes.ts";
import { nextDeadline } from "../../gateway/protocol/session.ts";
import type {
  Identification,
  Phase,
  SessionEffect,
  SessionEvent,
  SessionOptions,
  SessionState,
  Step,
} from "../../gateway/protocol/session_types.ts";
import {
  type DeadlineName,
  type EffectName,
  type Guard,
  type Transition,
  TRANSITIONS,
  type Trigger,
} from "./transitions.ts";

/** A step of the reducer, with its input. */
export interface Taken {
  readonly before: SessionState;
  readonly event: SessionEvent;
  readonly options: SessionOptions;
  readonly step: Step;
}

/** The Identify in progress. */
export function pendingOf(state: SessionState): Identification | undefined {
  if (state.phase === "verifying" || state.phase === "locating") return state.identification;
  return state.phase === "ready" ? state.renewal : undefined;
}

function isNewest(state: SessionState, event: SessionEvent): boolean {
  const pending = pendingOf(state);
  if (pending === undefined || !("attempt" in event) || event.attempt !== pending.attempt) {
    return false;
  }
  // An answer counts only if its attempt is the newest.
  if (event.type === "tokenVerified") return pending.step === "verifying";
  return event.type !== "located" || pending.step === "locating";
}

const GUARDS: Readonly<
  Record<Guard, (state: SessionState, event: SessionEvent, options: SessionOptions) => boolean>
> = {
  "more frames in the window than allowed": (state, event, options) =>
    "frames" in state &&
    state.frames.filter((at) => event.at - at < options.rateLimitWindowMs).length >=
      options.rateLimitFrames,
  "its `time` is the outstanding heartbeat's": (state, event) =>
    "outstandingHeartbeat" in state && event.type === "frameReceived" && event.decoded.ok &&
    "time" in event.decoded.frame && event.decoded.frame.time === state.outstandingHeartbeat,
  "its attempt is the newest, the token has expired": (state, event) =>
    isNewest(state, event) && event.type === "tokenVerified" && event.claims.expiresAt <= event.at,
  "its attempt is the newest, the token is another user's": (state, event) =>
    isNewest(state, event) && event.type === "tokenVerified" && state.phase === "ready" &&
    event.claims.user !== state.user,
  "its attempt is the newest": isNewest,
  "the session's token is one of those": (state, event) => {
    if (event.type !== "revoked" || (state.phase !== "ready" && state.phase !== "locating")) {
      return false;
    }
    const { user, issuedAt } = state.phase === "ready" ? state : state.identification.claims;
    return event.user === user && issuedAt < event.issuedBefore;
  },
};

/** The rows that may apply to `event` itself, the most specific trigger first. */
function triggersOf(event: SessionEvent): readonly Trigger[] {
  if (event.type === "violated") return [`violated: ${event.code}`, event.type];
  if (event.type !== "frameReceived") return [event.type];
  const { decoded } = event;
  if (!decoded.ok) {
    return [
      decoded.code === 1009 ? "frameReceived: too big" : "frameReceived: malformed",
      event.type,
    ];
  }
  const names = { 1: "Identify", 10: "Heartbeat", 11: "HeartbeatAck" } as const;
  return [`frameReceived: ${names[decoded.frame.op]}`, event.type];
}

/** The deadlines of `state`, with their times. */
export function deadlinesOf(state: SessionState): ReadonlyMap<DeadlineName, number> {
  const deadlines = new Map<DeadlineName, number>();
  if (state.phase === "closing") deadlines.set("close grace", state.terminateAt);
  if (!("heartbeatDueAt" in state)) return deadlines;
  deadlines.set(
    state.outstandingHeartbeat === undefined ? "heartbeat" : "ACK deadline",
    state.heartbeatDueAt,
  );
  if (state.phase === "unidentified") deadlines.set("identify timeout", state.identifyBy);
  const pending = pendingOf(state);
  if (pending !== undefined) deadlines.set("verification deadline", pending.by);
  if (state.phase === "ready") deadlines.set("token expiry", state.expiresAt);
  if (state.phase === "locating") {
    deadlines.set("token expiry", state.identification.claims.expiresAt);
  }
  return deadlines;
}

/** The name of `effect` in the table. */
export function effectName(effect: SessionEffect): EffectName {
  if (effect.type !== "send") return effect.type;
  const name = opName(effect.frame.op);
  assert(name !== undefined);
  return `send ${name}`;
}

const ROWS: ReadonlyMap<Phase, readonly Transition[]> = new Map(
  TRANSITIONS.flatMap(({ from }) => from).map((phase) => [
    phase,
    TRANSITIONS.filter((row) => row.from.includes(phase)),
  ]),
);

function firstRow(phase: Phase, fits: (row: Transition) => boolean): Transition {
  const row = ROWS.get(phase)?.find(fits);
  assert(row !== undefined, `no row for this event in phase ${phase}`);
  return row;
}

/** The row of the first deadline at or before `at`, if any. */
function dueRow(state: SessionState, at: number): Transition | undefined {
  const deadlines = deadlinesOf(state);
  const earliest = Math.min(...deadlines.values());
  if (earliest > at) return undefined;
  const due = [...deadlines].flatMap(([name, time]) => time === earliest ? [name] : []);
  return firstRow(state.phase, (row) => due.some((name) => row.on.includes(`ticked: ${name}`)));
}

/**
 * The rows that apply to `event` in `before`: those of due deadlines, then its own. The state after a
 * heartbeat or a close is computed here, because one step may apply several rows.
 */
export function rowsOf({ before, event, options }: Omit<Taken, "step">): readonly Transition[] {
  const rows: Transition[] = [];
  let state = before;
  while (event.type !== "closed") {
    const row = dueRow(state, event.at);
    if (row === undefined) break;
    rows.push(row);
    if (row.to === "closing") {
      state = { phase: "closing", terminateAt: event.at + options.closeGraceMs };
    } else if (row.to === "closed") {
      state = { phase: "closed" };
    } else {
      assert("heartbeatDueAt" in state);
      const heartbeatDueAt = event.at + options.heartbeatIntervalMs;
      state = { ...state, heartbeatDueAt, outstandingHeartbeat: Math.floor(event.at) };
    }
  }
  const triggers = triggersOf(event);
  rows.push(firstRow(state.phase, (row) =>
    triggers.some((trigger) => row.on.includes(trigger)) &&
    (row.when === undefined || GUARDS[row.when](state, event, options))));
  return rows;
}

/** Asserts that the step `taken` matches the table, and returns the rows that it applied. */
export function assertFollowsTable(taken: Taken): readonly Transition[] {
  const [after, effects] = taken.step;
  const rows = rowsOf(taken);
  const phase = rows.reduce<Phase>((at, { to }) => to === "same" ? at : to, taken.before.phase);
  const closes = effects.flatMap((effect) =>
    effect.type === "close" ? [closeName(effect.code)] : []
  );
  const did = [after.phase, ...effects.map(effectName), ...closes].join(", ");
  const should = [
    phase,
    ...rows.flatMap((row) => row.effects),
    ...rows.flatMap((row) => row.closes ?? []),
  ].join(", ");
  if (did !== should) assert.equal(did, should, `${did} instead of ${should}: ${tell(taken)}`);
  const deadline = Math.min(...deadlinesOf(after).values());
  assert.equal(nextDeadline(after) ?? Infinity, deadline);
  return rows;
}

function tell({ before, event, step }: Taken): string {
  return JSON.stringify({ before, event, step });
}
