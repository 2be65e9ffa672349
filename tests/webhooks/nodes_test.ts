/**
 * Three nodes that tell one backend about the same users.
 *
 * @module
 */

import assert from "node:assert/strict";
import { OperationalError } from "../../gateway/errors.ts";
import type { NodeListener, Nodes } from "../../gateway/ports.ts";
import { FakeClock } from "../../mock/doubles/clock.ts";
import { hanging, status, World } from "./support.ts";

/** Carries questions and answers between nodes, 5 ms late. */
class Network {
  readonly clock = new FakeClock();
  readonly #listeners = new Map<string, NodeListener>();
  /** Nodes that hear nobody, and are not heard. */
  readonly cut = new Set<string>();

  nodesOf(node: string): Nodes {
    const later = () => new Promise<void>((resolve) => void this.clock.setTimer(5, resolve));
    const reachable = () => [...this.#listeners].filter(([name]) => !this.cut.has(name));
    return {
      node,
      listen: (listener) => void this.#listeners.set(node, listener),
      statesOf: async (users) => {
        await later();
        if (this.cut.has(node)) throw new OperationalError("log_unavailable", "cut off");
        const answers = reachable().map(([name, listener]) => {
          return { node: name, states: listener.statesFor(node, users) };
        });
        await later();
        return answers;
      },
      settled: (user, state) => {
        void later().then(() => {
          if (this.cut.has(node)) return;
          for (const [name, each] of reachable()) {
            if (name !== node) each.settled(node, user, state);
          }
        });
      },
    };
  }

  leave(node: string): void {
    this.#listeners.delete(node);
  }

  reunite(): void {
    this.cut.clear();
    for (const listener of this.#listeners.values()) listener.reunited();
  }
}

async function three(): Promise<readonly [World, World, World, Network]> {
  const network = new Network();
  const world = (node: string) => {
    const { clock } = network;
    return World.started({ clock, nodes: network.nodesOf(node) });
  };
  return [await world("a"), await world("b"), await world("c"), network];
}

/** The events of all nodes, by the time of their first attempt. */
function words(...worlds: readonly World[]): readonly string[] {
  const all = worlds.flatMap(({ received, words }) => {
    return received.map(({ atMs }, index) => ({ atMs, word: words[index] ?? "" }));
  });
  return all.sort((a, b) => a.atMs - b.atMs).map(({ word }) => word);
}

const MINUTE_MS = 60_000;

Deno.test("a user on three nodes causes one webhook when they come, and one when they go", async () => {
  const [a, b, c, { clock }] = await three();
  for (const world of [a, b, c]) world.online("alice");
  await clock.advance(MINUTE_MS);
  assert.deepEqual(words(a, b, c), ["alice online"]);
  const [first] = [a, b, c].flatMap(({ told }) => told);
  assert.equal(first?.data["connections"], 3);
  for (const world of [a, b, c]) {
    world.offline("alice");
    await clock.advance(100);
  }
  await clock.advance(MINUTE_MS);
  assert.deepEqual(words(a, b, c).slice(1), ["alice offline"]);
  for (const { webhooks } of [a, b, c]) assert.equal(webhooks.waiting, 0);
  assert.equal(clock.pending, 0);
});

Deno.test("a user who goes on to another node causes no webhook", async () => {
  const [a, b, c, { clock }] = await three();
  a.online("alice");
  await clock.advance(5000);
  for (const [from, to] of [[a, b], [b, c]] as const) {
    from.offline("alice");
    await clock.advance(500);
    to.online("alice");
    await clock.advance(5000);
    // The other way round: the lost connection is noticed later than the new one.
    a.online("alice");
    await clock.advance(300);
    to.offline("alice");
    await clock.advance(5000);
    from.offline("alice");
    to.online("alice");
    a.offline("alice");
    await clock.advance(5000);
  }
  assert.deepEqual(words(a, b, c), ["alice online"]);
});

Deno.test("a second device on another node causes no webhook, nor does its end", async () => {
  const [a, b, c, { clock }] = await three();
  a.online("alice");
  await clock.advance(5000);
  b.online("alice");
  await clock.advance(5000);
  b.offline("alice");
  await clock.advance(5000);
  assert.deepEqual(words(a, b, c), ["alice online"]);
  a.offline("alice");
  await clock.advance(5000);
  assert.deepEqual(words(a, b, c), ["alice online", "alice offline"]);
});

Deno.test("a node waits while another one tells, and then tells what has changed since", async () => {
  const [a, b, c, { clock }] = await three();
  a.answer = hanging;
  a.online("alice");
  await clock.advance(2000);
  b.online("alice");
  a.offline("alice");
  b.offline("alice");
  await clock.advance(5000);
  assert.deepEqual(words(a, b, c), ["alice online"], "a still waits for its answer");
  a.answer = status(204);
  await clock.advance(MINUTE_MS);
  assert.deepEqual(words(a, b, c), ["alice online", "alice offline"]);
});

Deno.test("a node that dies while it tells is succeeded by another", async () => {
  const [a, b, c, network] = await three();
  const { clock } = network;
  a.answer = b.answer = hanging;
  a.online("alice");
  b.online("alice");
  await clock.advance(5000);
  const [teller, other] = a.received.length > 0 ? [a, b] : [b, a];
  assert.deepEqual([teller.words, other.words], [["alice online"], []]);
  network.leave(teller === a ? "a" : "b");
  await teller.webhooks.close(0);
  other.answer = status(204);
  await clock.advance(5000);
  assert.deepEqual(other.words, ["alice online"]);
  assert.equal(other.webhooks.waiting + c.received.length, 0);
});

Deno.test("a node that is cut off tells nothing, and tells its users again afterwards", async () => {
  const [a, b, c, network] = await three();
  const { clock } = network;
  a.online("alice", "bob");
  await clock.advance(5000);
  network.cut.add("a");
  b.online("alice");
  await clock.advance(5000);
  b.offline("alice");
  a.offline("bob");
  await clock.advance(MINUTE_MS);
  const before = words(a, b, c);
  assert.equal(before.at(-1), "alice offline", "b does not see that a has alice");
  assert.ok(!before.includes("bob offline"));
  network.reunite();
  await clock.advance(MINUTE_MS);
  assert.deepEqual([...words(a, b, c).slice(before.length)].sort(), [
    "alice online",
    "bob offline",
  ]);
  assert.ok(a.logger.messages("warn").includes("webhooks wait for another node"));
});
