/**
 * The limit on the connections of one user, over several nodes.
 *
 * @module
 */

import assert from "node:assert/strict";
import { limitClusterUsers } from "../../gateway/cluster/cluster_limit.ts";
import type { LimitedUsers } from "../../gateway/ports.ts";
import { FakeClock } from "../../mock/doubles/clock.ts";
import { FakeIds } from "../../mock/doubles/ids.ts";
import { FakeBus } from "./support/fake_bus.ts";

class Node implements LimitedUsers {
  onReady: (user: string) => void = () => {};
  times: number[] = [];

  readyTimes(user: string): readonly number[] {
    return user === "ann" ? this.times : [];
  }

  replaceOlder(user: string, time: number): void {
    if (user === "ann") this.times = this.times.filter((each) => each >= time);
  }

  ready(time: number): void {
    this.times.push(time);
    this.onReady("ann");
  }
}

function startNodes(
  maxConnectionsPerUser: number,
): readonly [Node, Node, Node, FakeBus, FakeClock] {
  const [bus, clock, ids] = [new FakeBus(), new FakeClock(), new FakeIds()];
  const nodes = [new Node(), new Node(), new Node()] as const;
  for (const local of nodes) {
    limitClusterUsers({ bus, local, clock, ids, subject: "nodes", maxConnectionsPerUser });
  }
  return [...nodes, bus, clock];
}

Deno.test("limitClusterUsers() has the newest stay, whatever node they are on", () => {
  const [a, b, c] = startNodes(2);
  a.ready(1);
  b.ready(2);
  assert.deepEqual([a.times, b.times, c.times], [[1], [2], []]);
  c.ready(3);
  assert.deepEqual([a.times, b.times, c.times], [[], [2], [3]]);
  b.ready(4);
  b.ready(5);
  assert.deepEqual([a.times, b.times, c.times], [[], [4, 5], []]);
});

Deno.test("limitClusterUsers() catches up at the next Ready with what it could not reach", () => {
  const [a, b, c] = startNodes(1);
  for (const [index, node] of [a, b, c].entries()) node.times = [index, index + 10];
  b.ready(20);
  assert.deepEqual([a.times, b.times, c.times], [[], [20], []]);
});

Deno.test("limitClusterUsers() closes none of those that became ready at once", () => {
  const [a, b] = startNodes(1);
  a.ready(1);
  b.ready(1);
  assert.deepEqual([a.times, b.times], [[1], [1]]);
  b.ready(2);
  assert.deepEqual([a.times, b.times], [[], [2]]);
});

Deno.test("limitClusterUsers() waits two seconds for answers, and not longer", async () => {
  const [a, , , bus, clock] = startNodes(1);
  const subjects = bus.listeners.size;
  a.ready(1);
  assert.equal(bus.listeners.size, subjects + 1);
  await clock.advance(2000);
  assert.equal(bus.listeners.size, subjects);
  assert.equal(clock.pending, 0);
});
