/**
 * Explores every state of the reducer that a small alphabet of events and times can reach, breadth first.
 * In each state, the invariants hold and each step matches the transition table.
 *
 * Durations are a few milliseconds, so that deadlines fall due in every order. States are compared by what
 * can still happen: by times relative to now, and by the attempts that are the newest.
 *
 * @module
 */

import assert from "node:assert/strict";
import { CloseCode } from "../../gateway/protocol/codes.ts";
import { initial, reduce } from "../../gateway/protocol/session.ts";
import type {
  SessionEvent,
  SessionInput,
  SessionOptions,
  SessionState,
} from "../../gateway/protocol/session_types.ts";
import { TRANSITIONS } from "./transitions.ts";
import { assertInvariants, type History, INVARIANTS, NOTHING, remember } from "./invariants.ts";
import { assertFollowsTable } from "./oracle.ts";
import { ack, garbage, heartbeat, identify, located, verified } from "./support.ts";

const OPTIONS: SessionOptions = {
  heartbeatIntervalMs: 2,
  identifyTimeoutMs: 5,
  verifyTimeoutMs: 3,
  closeGraceMs: 2,
  rateLimitFrames: 2,
  rateLimitWindowMs: 2,
};

/** The time between two events: none, or a little. */
const STEPS_MS = [0, 1];
/** The delay of a tick: past every deadline. */
const LATE_MS = 9;

const PLAIN: readonly SessionInput[] = [
  { type: "opened" },
  { type: "refused" },
  { type: "ticked" },
  { type: "overflowed" },
  { type: "controlReceived" },
  { type: "violated", code: 1002 },
  { type: "violated", code: 1007 },
  { type: "violated", code: 1008 },
  { type: "violated", code: 1009 },
  { type: "disconnected" },
  { type: "replaced" },
  { type: "revoked", user: "ada", issuedBefore: 1 },
  { type: "revoked", user: "bob", issuedBefore: 1 },
  { type: "drained" },
  { type: "failed" },
  { type: "closed" },
  identify(),
  heartbeat(),
  ack(0),
  garbage(4001),
  garbage(1009),
];

/** The outcomes of Identify number `attempt`, with tokens that expire soon or belong to another user. */
function outcomes(attempt: number, at: number): readonly SessionInput[] {
  return [
    verified(attempt, { expiresAt: at + 2 }),
    verified(attempt, { issuedAt: 1 }),
    verified(attempt, { user: "bob" }),
    verified(attempt, { expiresAt: at }),
    { type: "tokenRejected", attempt, reason: "no" },
    located(attempt),
    { type: "dependencyFailed", attempt },
  ];
}

/** The events that may make a difference in `state`, the last of which happened at `now`. */
function alphabet(state: SessionState, now: number): readonly SessionEvent[] {
  const attempts = "attempts" in state ? state.attempts : 1;
  const outstandingHeartbeat =
    "outstandingHeartbeat" in state && state.outstandingHeartbeat !== undefined
      ? [ack(state.outstandingHeartbeat)]
      : [];
  return [
    ...STEPS_MS.map((step) => now + step).flatMap((at) =>
      [...PLAIN, ...outstandingHeartbeat, ...outcomes(attempts, at), ...outcomes(attempts - 1, at)]
        .map((input) => ({ ...input, at }))
    ),
    { type: "ticked", at: now + LATE_MS },
  ];
}

/** `state` at time `at`, with times relative to it. */
function normalised(state: SessionState, at: number, history: History): string {
  const attempts = "attempts" in state ? state.attempts : 0;
  const relative = (key: string, value: unknown): unknown => {
    if (key === "attempt" || key === "attempts") return undefined;
    if (key === "proven") return value === attempts;
    if (key === "frames" && Array.isArray(value)) {
      return value.map((time) => time - at).filter((ago) => ago > -OPTIONS.rateLimitWindowMs);
    }
    const isTime = [
      "heartbeatDueAt",
      "outstandingHeartbeat",
      "identifyBy",
      "by",
      "expiresAt",
      "terminateAt",
    ].includes(key);
    return isTime && typeof value === "number" ? value - at : value;
  };
  return JSON.stringify([state, history], relative);
}

/** `state`, frozen: it throws if the reducer modifies it. */
function frozen(state: SessionState): SessionState {
  if ("frames" in state) Object.freeze(state.frames);
  return Object.freeze(state);
}

interface Node {
  readonly state: SessionState;
  readonly at: number;
  readonly history: History;
}

Deno.test("reduce() keeps every invariant in every state that can be reached", () => {
  const first: Node = { state: initial(), at: 1_000, history: NOTHING };
  const seen = new Set([normalised(first.state, first.at, first.history)]);
  const queue = [first];
  const rows = new Set();
  const phases = new Map<string, number>();
  let transitions = 0;
  for (const { state, at, history } of queue) {
    phases.set(state.phase, (phases.get(state.phase) ?? 0) + 1);
    for (const event of alphabet(state, at)) {
      const step = reduce(frozen(state), event, OPTIONS);
      const taken = { before: state, event, options: OPTIONS, step };
      transitions++;
      assertInvariants(taken, history);
      for (const row of assertFollowsTable(taken)) rows.add(row);
      if (step[0] === state && event.at === at) continue;
      const next = { state: step[0], at: event.at, history: remember(history, taken) };
      const key = normalised(next.state, next.at, next.history);
      if (seen.has(key)) continue;
      seen.add(key);
      queue.push(next);
    }
  }
  console.log(
    `explored ${seen.size} states and ${transitions} transitions, ` +
      `${rows.size} of ${TRANSITIONS.length} rows, ${Object.keys(INVARIANTS).length} invariants: ` +
      [...phases].map(([phase, count]) => `${phase} ${count}`).join(", "),
  );
  assert.deepEqual(TRANSITIONS.filter((row) => !rows.has(row)), [], "rows that were not reached");
});

Deno.test("TRANSITIONS has a row for every close code", () => {
  const used = new Set<string>(TRANSITIONS.flatMap(({ closes }) => closes ?? []));
  assert.deepEqual(Object.keys(CloseCode).filter((name) => !used.has(name)), []);
});
