/**
 * Signals between nodes: a node that is behind holds them until it has followed the log as far as the one that
 * took them.
 *
 * @module
 */

import assert from "node:assert/strict";
import { ClusterSignals } from "../../gateway/cluster/cluster_signals.ts";
import { Watermark } from "../../gateway/log/jetstream/watermark.ts";
import type { Signal } from "../../gateway/ports.ts";
import { FakeClock, settle } from "../../mock/doubles/clock.ts";
import { FakeBus } from "./support/fake_bus.ts";

function signalOf(content: string): Signal {
  return { channel: "general", author: "7", content, time: 5 };
}

/** One node, at entry `followed` of the log. */
class Node {
  readonly got: unknown[] = [];
  dropped = 0;
  readonly log: Watermark;
  readonly signals: ClusterSignals;

  constructor(bus: FakeBus, clock: FakeClock, followed: number) {
    const log = new Watermark(clock, followed);
    this.log = log;
    this.signals = new ClusterSignals({
      bus,
      clock,
      local: { signal: (signals) => void this.got.push(...signals.map(({ content }) => content)) },
      log: {
        get followed() {
          return log.at;
        },
        whenFollowed: (number, ms) => log.waitFor(number, ms).then(() => true, () => false),
      },
      subject: "nodes",
      dropped: () => this.dropped += 1,
    });
  }
}

function setUp() {
  const [bus, clock] = [new FakeBus(), new FakeClock()];
  return { bus, clock, ahead: new Node(bus, clock, 5), behind: new Node(bus, clock, 4) };
}

Deno.test("ClusterSignals passes signals to every node, its own too, at once where the log is not behind", () => {
  const { ahead, behind } = setUp();
  behind.signals.signal([signalOf("one"), signalOf("two")]);
  assert.deepEqual([ahead.got, behind.got], [["one", "two"], ["one", "two"]]);
});

Deno.test("ClusterSignals holds signals until the log has caught up, and keeps their order", async () => {
  const { ahead, behind } = setUp();
  ahead.signals.signal([signalOf("one"), signalOf("two")]);
  behind.signals.signal([signalOf("three")]);
  await settle();
  assert.deepEqual([ahead.got, behind.got], [["one", "two", "three"], []]);
  behind.log.advance(5);
  behind.signals.signal([signalOf("four")]);
  await settle();
  assert.deepEqual(behind.got, ["one", "two", "three", "four"]);
  behind.signals.signal([signalOf("five")]);
  assert.equal(behind.got.at(-1), "five");
});

Deno.test("ClusterSignals drops what the log does not reach within a second, and no more", async () => {
  const { ahead, behind, clock } = setUp();
  ahead.signals.signal([signalOf("one"), signalOf("two")]);
  behind.signals.signal([signalOf("three")]);
  await clock.advance(999);
  assert.deepEqual([behind.got, behind.dropped], [[], 0]);
  await clock.advance(1);
  await settle();
  assert.deepEqual([behind.got, behind.dropped], [["three"], 2]);
});

Deno.test("ClusterSignals holds a thousand signals, and drops the rest", async () => {
  const { ahead, behind } = setUp();
  ahead.signals.signal(Array.from({ length: 1003 }, (_, index) => signalOf(String(index))));
  assert.equal(behind.dropped, 3);
  behind.log.advance(5);
  await settle();
  assert.equal(behind.got.length, 1000);
});

Deno.test("ClusterSignals that is closed passes nothing on, not even what it held", async () => {
  const { ahead, behind, bus } = setUp();
  ahead.signals.signal([signalOf("one")]);
  behind.signals.close();
  ahead.signals.signal([signalOf("two")]);
  behind.log.advance(5);
  await settle();
  assert.deepEqual(behind.got, []);
  ahead.signals.close();
  assert.equal(bus.listeners.size, 0);
});
