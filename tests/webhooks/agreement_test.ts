/**
 * Which node tells the backend about a user, from the answers of all.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { NodeEntry, UserBelief } from "../../gateway/ports.ts";
import { type Answer, decide, type Decision } from "../../gateway/webhooks/agreement.ts";

const NOBODY: ReadonlySet<string> = new Set();

interface Own {
  readonly node?: string;
  readonly connections?: number;
  readonly belief?: UserBelief;
  readonly certain?: boolean;
  readonly others?: ReadonlySet<string>;
  readonly ahead?: ReadonlySet<string>;
}

function decided(
  { belief = "unknown", certain = false, others = NOBODY, ahead = NOBODY, ...own }: Own,
  ...answers: readonly Answer[]
): Decision {
  const { node = "a", connections = 1 } = own;
  const question = { user: "alice", node, connections, belief, certain, others, ahead };
  return decide(question, answers);
}

function answer(
  node: string,
  connections: number,
  entry?: Omit<NodeEntry, "certain"> & { readonly certain?: boolean },
): Answer {
  return { node, connections, ...entry && { entry: { certain: false, ...entry } } };
}

function beliefOf(decision: Decision): string {
  return decision.wait ? "waits" : decision.belief;
}

Deno.test("decide() adds the connections of all nodes", () => {
  const decision = decided({ connections: 2 }, answer("b", 3), answer("c", 0));
  assert.deepEqual(decision, { wait: false, connections: 5, belief: "online" });
});

Deno.test("decide() knows that a user was told of who is connected to a node without an entry", () => {
  assert.equal(beliefOf(decided({})), "offline");
  assert.equal(beliefOf(decided({}, answer("b", 0))), "offline");
  assert.equal(beliefOf(decided({}, answer("b", 1))), "online");
  const untold = answer("b", 1, { belief: "unknown", phase: "due" });
  assert.equal(beliefOf(decided({}, untold)), "offline");
});

Deno.test("decide() takes over what another node believes, and doubts what contradicts", () => {
  const due = (belief: UserBelief) => answer("b", 0, { belief, phase: "due" });
  assert.equal(beliefOf(decided({ belief: "unknown" }, due("online"))), "online");
  assert.equal(beliefOf(decided({ belief: "online" }, due("unknown"))), "online");
  assert.equal(beliefOf(decided({ belief: "online" }, due("offline"))), "uncertain");
  assert.equal(beliefOf(decided({ belief: "online" }, due("uncertain"))), "uncertain");
  assert.equal(beliefOf(decided({ belief: "uncertain" }, due("online"))), "uncertain");
});

Deno.test("decide() prefers what the backend was told meanwhile", () => {
  const due = (belief: UserBelief, certain: boolean) => {
    return answer("b", 0, { belief, certain, phase: "due" });
  };
  assert.equal(beliefOf(decided({ belief: "online" }, due("offline", true))), "offline");
  const own = { belief: "offline", certain: true } as const;
  assert.equal(beliefOf(decided(own, due("online", false))), "offline");
  assert.equal(beliefOf(decided(own, due("online", true))), "uncertain");
  assert.equal(beliefOf(decided(own, due("uncertain", false))), "uncertain");
});

Deno.test("decide() doubts if a node that had an entry has none, or is gone", () => {
  const others = new Set(["b"]);
  const own = { belief: "online", others } as const;
  assert.equal(beliefOf(decided(own, answer("b", 1))), "uncertain");
  assert.equal(beliefOf(decided(own, answer("c", 1))), "uncertain");
  const entry = { belief: "online", phase: "due" } as const;
  assert.equal(beliefOf(decided(own, answer("b", 1, entry))), "online");
});

Deno.test("decide() waits for a node whose user has changed just now, and for one that tells", () => {
  const phases = ["fresh", "sending", "due"] as const;
  const waits = phases.map((phase) => {
    return decided({}, answer("b", 1, { belief: "unknown", phase })).wait;
  });
  assert.deepEqual(waits, [true, true, false]);
});

Deno.test("decide() lets exactly one of two nodes go that ask at the same time", () => {
  const asking = { belief: "unknown", phase: "asking" } as const;
  let first = 0;
  for (let index = 0; index < 100; index++) {
    const [a, b] = [`a${index}`, `b${index}`];
    const aWaits = decided({ node: a }, answer(b, 1, asking)).wait;
    const bWaits = decided({ node: b }, answer(a, 1, asking)).wait;
    assert.notEqual(aWaits, bWaits);
    if (bWaits) first++;
    const ahead = new Set([b]);
    assert.equal(decided({ node: a, ahead }, answer(b, 1, asking)).wait, true, "b goes on");
  }
  assert.ok(first > 20 && first < 80, `the load is shared: ${first}`);
});
