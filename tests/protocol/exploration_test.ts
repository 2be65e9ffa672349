/**
 * Exploration: every state of the reducer that a small alphabet of events and times can reach, breadth
 * first. In each the invariants hold and each step is what the table says.
 *
 * Durations are a few milliseconds here, so that every order of deadlines comes up. States are compared
 * by what lies ahead of them: times relative to now, and of attempts whether they are the newest.
 *
 * @module
 */

import assert from "node:assert/strict";
import {
  initial,
  reduce,
  type SessionOptions,
  type SessionState,
  TRANSITIONS,
} from "../../gateway/protocol/mod.ts";
import { assertInvariants, type History, INVARIANTS, NOTHING, remember } from "./invariants.ts";
import { assertFollowsTable } from "./oracle.ts";
import { ack, garbage, type Happening, heartbeat, identify, located, verified } from "./support.ts";

const OPTIONS: SessionOptions = {
  heartbeatIntervalMs: 2,
  identifyTimeoutMs: 5,
  verifyTimeoutMs: 3,
  closeGraceMs: 1,
  rateLimitFrames: 2,
  rateLimitWindowMs: 2,
};

/** How long after the event before it an event comes: at once, soon, and past every deadline. */
const STEPS_MS = [0, 1, 9];

const PLAIN: readonly Happening[] = [
  { type: "opened" },
  { type: "refused" },
  { type: "ticked" },
  { type: "overflowed" },
  { type: "disconnected" },
  { type: "drained" },
  { type: "failed" },
  { type: "closed" },
  identify(),
  heartbeat(),
  ack(0),
  garbage(4001),
  garbage(1009),
];

/** The outcomes of Identify number `attempt`, with tokens that expire soon, or are another's. */
function outcomes(attempt: number, at: number): readonly Happening[] {
  return [
    verified(attempt, { expiresAt: at + 2 }),
    verified(attempt, { user: "bob" }),
    verified(attempt, { expiresAt: at }),
    { type: "tokenRejected", attempt, reason: "no" },
    located(attempt),
    { type: "dependencyLost", attempt },
  ];
}

/** The events that make a difference in `state`. */
function alphabet(state: SessionState, at: number): readonly Happening[] {
  if (!("attempts" in state)) return [...PLAIN, ...outcomes(1, at)];
  return [
    ...PLAIN,
    ...(state.unacked === undefined ? [] : [ack(state.unacked)]),
    ...outcomes(state.attempts, at),
    ...outcomes(state.attempts - 1, at),
  ];
}

/** `state` as it looks at time `at`, whenever that is. */
function normalised(state: SessionState, at: number, history: History): string {
  const attempts = "attempts" in state ? state.attempts : 0;
  const relative = (key: string, value: unknown): unknown => {
    if (key === "attempt" || key === "attempts") return undefined;
    if (key === "proven") return value === attempts;
    if (key === "frames" && Array.isArray(value)) {
      return value.map((time) => time - at).filter((ago) => ago > -OPTIONS.rateLimitWindowMs);
    }
    const isTime = ["beatAt", "unacked", "identifyBy", "by", "expiresAt", "cutAt"].includes(key);
    return isTime && typeof value === "number" ? value - at : value;
  };
  return JSON.stringify([state, history], relative);
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
    for (const step of STEPS_MS) {
      for (const happening of alphabet(state, at + step)) {
        const event = { ...happening, at: at + step };
        const after = reduce(state, event, OPTIONS);
        const taken = { before: state, event, options: OPTIONS, step: after };
        transitions++;
        assertInvariants(taken, history);
        for (const row of assertFollowsTable(taken)) rows.add(row);
        const next = { state: after[0], at: event.at, history: remember(history, taken) };
        const key = normalised(next.state, next.at, next.history);
        if (!seen.has(key)) {
          seen.add(key);
          queue.push(next);
        }
      }
    }
  }
  console.log(
    `explored ${seen.size} states and ${transitions} transitions, ` +
      `${rows.size} of ${TRANSITIONS.length} rows, ${Object.keys(INVARIANTS).length} invariants: ` +
      [...phases].map(([phase, count]) => `${phase} ${count}`).join(", "),
  );
  assert.deepEqual(TRANSITIONS.filter((row) => !rows.has(row)), [], "rows that were not reached");
});
