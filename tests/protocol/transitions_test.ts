/**
 * The reducer against its table: every state with every event, and every row of the table.
 *
 * @module
 */

import assert from "node:assert/strict";
import { CloseCode } from "../../gateway/protocol/codes.ts";
import { initial, reduce } from "../../gateway/protocol/session.ts";
import type { EventType, Phase, SessionState } from "../../gateway/protocol/session_types.ts";
import { TRANSITIONS } from "./transitions.ts";
import { assertFollowsTable } from "./oracle.ts";
import {
  ack,
  garbage,
  heartbeat,
  identify,
  located,
  OPTIONS,
  type SessionInput,
  START,
  verified,
} from "./support.ts";

const BEAT = START + 40_000;
const open = {
  heartbeatDueAt: BEAT,
  outstandingHeartbeat: undefined,
  frames: [START],
  attempts: 2,
};
const waiting = { attempt: 2, lastId: undefined, by: START + 5_000 };
const claims = { user: "ada", channels: ["general"], expiresAt: START + 100_000 };
const ready = { ...open, phase: "ready", user: "ada", expiresAt: START + 100_000 } as const;
const full = Array.from({ length: 120 }, (_, i) => START - 59_000 + i);

/** Every phase, and within a phase every state that events are treated differently in. */
const STATES: Readonly<Record<string, SessionState>> = {
  "new": initial(),
  "unidentified": { ...open, phase: "unidentified", identifyBy: START + 10_000 },
  "unidentified, unacknowledged": {
    ...open,
    phase: "unidentified",
    identifyBy: START + 60_000,
    outstandingHeartbeat: START - 5_000,
  },
  "unidentified, at the rate limit": {
    ...open,
    phase: "unidentified",
    identifyBy: START + 10_000,
    frames: full,
  },
  "verifying": { ...open, phase: "verifying", identification: { ...waiting, step: "verifying" } },
  "verifying, unacknowledged": {
    ...open,
    phase: "verifying",
    identification: { ...waiting, by: START + 90_000, step: "verifying" },
    outstandingHeartbeat: START - 5_000,
  },
  "locating": {
    ...open,
    phase: "locating",
    identification: { ...waiting, step: "locating", claims },
  },
  "locating, about to expire": {
    ...open,
    phase: "locating",
    identification: { ...waiting, step: "locating", claims: { ...claims, expiresAt: START + 1 } },
  },
  "ready": { ...ready, renewal: undefined },
  "ready, unacknowledged": { ...ready, outstandingHeartbeat: START - 5_000, renewal: undefined },
  "ready, about to expire": { ...ready, expiresAt: START + 1, renewal: undefined },
  "ready, at the rate limit": { ...ready, frames: full, renewal: undefined },
  "ready, verifying": { ...ready, renewal: { ...waiting, step: "verifying" } },
  "ready, locating": { ...ready, renewal: { ...waiting, step: "locating", claims } },
  "closing": { phase: "closing", cutAt: START + 2_000 },
  "closed": { phase: "closed" },
};

/** Every event, in each variant that may be treated differently. */
const EVENTS: Readonly<Record<EventType, readonly SessionInput[]>> = {
  opened: [{ type: "opened" }],
  refused: [{ type: "refused" }],
  frameReceived: [
    identify(),
    identify("e-1"),
    heartbeat(),
    ack(START - 5_000),
    ack(1),
    garbage(),
    garbage(1009),
  ],
  tokenVerified: [
    verified(1),
    verified(2),
    verified(2, { user: "bob" }),
    verified(2, { expiresAt: START }),
    verified(3),
  ],
  tokenRejected: [1, 2, 3].map((attempt) => ({ type: "tokenRejected", attempt, reason: "no" })),
  located: [located(1), located(2), located(2, "e-9", true), located(3)],
  dependencyFailed: [1, 2, 3].map((attempt) => ({ type: "dependencyFailed", attempt })),
  ticked: [{ type: "ticked" }],
  controlReceived: [{ type: "controlReceived" }],
  violated: ([1002, 1007, 1008, 1009] as const).map((code) => ({ type: "violated", code })),
  overflowed: [{ type: "overflowed" }],
  disconnected: [{ type: "disconnected" }],
  drained: [{ type: "drained" }],
  failed: [{ type: "failed" }],
  closed: [{ type: "closed" }],
};

/** Before any deadline, at the first ones, and when all of them have passed. */
const TIMES = [START, START + 1, START + 5_000, START + 10_000, BEAT, START + 200_000];

Deno.test("reduce() follows the table for every state and every event, at every kind of time", () => {
  const covered = new Set();
  for (const [name, state] of Object.entries(STATES)) {
    const before = structuredClone(state);
    for (const event of Object.values(EVENTS).flat()) {
      for (const at of TIMES) {
        const step = reduce(state, { ...event, at }, OPTIONS);
        const rows = assertFollowsTable({
          before,
          event: { ...event, at },
          options: OPTIONS,
          step,
        });
        for (const row of rows) covered.add(row);
        assert.deepEqual(state, before, `${name} was changed in place by ${event.type}`);
      }
    }
  }
  const missed = TRANSITIONS.filter((row) => !covered.has(row));
  assert.deepEqual(missed, [], "rows that no state and event reach");
});

Deno.test("TRANSITIONS says for every phase what every event does", () => {
  for (const phase of Object.values(STATES).map((state): Phase => state.phase)) {
    for (const type of Object.keys(EVENTS)) {
      const rows = TRANSITIONS.filter((row) =>
        row.from.includes(phase) &&
        row.on.some((trigger) => trigger === type || trigger.startsWith(`${type}: `))
      );
      assert(rows.length > 0, `${phase}, ${type}`);
    }
  }
});

Deno.test("TRANSITIONS leads to closing exactly where it names a close code", () => {
  for (const row of TRANSITIONS) {
    assert.equal(row.to === "closing", row.closes !== undefined);
    assert.equal(row.effects.includes("close"), row.closes !== undefined);
    if (row.closes !== undefined) assert(row.closes in CloseCode);
  }
});

Deno.test("TRANSITIONS has a row for every close code", () => {
  const used = new Set<string>(TRANSITIONS.flatMap(({ closes }) => closes ?? []));
  assert.deepEqual(Object.keys(CloseCode).filter((name) => !used.has(name)), []);
});

Deno.test("TRANSITIONS leaves exactly where it goes out of ready", () => {
  for (const row of TRANSITIONS) {
    const goes = row.from.includes("ready") && row.to !== "same";
    if (goes) assert.deepEqual(row.from, ["ready"]);
    assert.equal(row.effects.includes("leave"), goes);
    if (goes) assert.equal(row.effects[0], "leave");
  }
});

Deno.test("TRANSITIONS has no way out of closed", () => {
  for (const row of TRANSITIONS) {
    if (row.from.includes("closed")) assert.deepEqual([row.to, row.effects], ["same", []]);
    if (row.from.includes("closing")) assert(row.to === "same" || row.to === "closed");
  }
});
