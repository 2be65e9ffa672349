/**
 * Connections that fail: a bug ends only its connection, and one that cannot be terminated still counts.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Metrics } from "../../gateway/metrics/metrics.ts";
import type { Outgoing } from "../../gateway/ports.ts";
import { Op, type Reduce, reduce } from "../../gateway/protocol/mod.ts";
import { settle } from "../../mock/doubles/clock.ts";
import { FakeSocket } from "../../mock/doubles/socket.ts";
import { NUMBERS, World } from "./support/world.ts";

/** A socket whose runtime fails on messages. */
class BrokenSocket extends FakeSocket {
  broken = false;

  override send(outgoing: Outgoing): void {
    if (this.broken) throw new TypeError("the runtime broke down");
    super.send(outgoing);
  }
}

/** The reducer with a bug for one kind of event while `broken`. */
function reducerWithBug(type: string) {
  const bug = { broken: true };
  const broken: Reduce = (state, event, options) => {
    if (bug.broken && event.type === type) throw new TypeError(`a bug at ${type}`);
    return reduce(state, event, options);
  };
  return { bug, reduce: broken };
}

async function assertOneBug(world: World, bugs = 1): Promise<void> {
  assert.equal(await world.metrics.value("gateway_bugs_total"), bugs);
  assert.deepEqual(
    world.logger.messages("error"),
    Array.from({ length: bugs }, () => "unhandled error while a connection was served"),
  );
}

Deno.test("Connection closes with 1011 when the verifier has a bug, and the others stay", async () => {
  for (const how of ["rejects", "throws"]) {
    const world = new World();
    const other = await world.ready();
    const peer = world.connect();
    const bug = new TypeError("undefined is not a function");
    peer.identifyWith(world.verifier.token(() => {
      if (how === "throws") throw bug;
      return Promise.reject(bug);
    }));
    await settle();
    assert.deepEqual(peer.socket.closeFrame, { code: 1011, reason: "internal error" });
    await assertOneBug(world);
    assert.ok(world.logger.text().includes("undefined is not a function"));
    assert.ok(!world.logger.text().includes("token-"), "a token is in the log");
    assert.deepEqual(await world.phases(), { closing: 1, ready: 1 });
    await world.publish({});
    assert.equal(other.received.length, 1);
    peer.socket.peerClosed();
    other.socket.peerClosed();
    await world.assertEmpty();
  }
});

Deno.test("Connection contains a bug of the reducer: closed, out of every table, terminated in time", async () => {
  const { reduce } = reducerWithBug("frameReceived");
  const world = new World({ reduce });
  const peer = world.connect();
  peer.socket.receiveFrame({ op: Op.Heartbeat, time: 1 });
  assert.equal(peer.closeCode, 1011);
  await assertOneBug(world);
  assert.equal(await world.closes(1011), 1);
  await world.clock.advance(NUMBERS.closeGraceMs - 1);
  assert.equal(peer.socket.terminations, 0);
  await world.clock.advance(1);
  assert.equal(peer.socket.terminations, 1);
  await world.assertEmpty();
});

Deno.test("Connection contains a bug that came up when it was ready: nothing more is delivered", async () => {
  const { bug, reduce } = reducerWithBug("frameReceived");
  bug.broken = false;
  const world = new World({ reduce });
  const peer = await world.ready({ channels: ["a"] });
  bug.broken = true;
  peer.socket.receiveFrame({ op: Op.Heartbeat, time: 1 });
  await world.publish({ channel: "a" }, {});
  assert.equal(peer.closeCode, 1011);
  assert.deepEqual(peer.received, []);
  assert.equal(world.gateway.tables["members"], 0);
});

Deno.test("Connection is terminated even if the reducer fails at every tick, and the log stays short", async () => {
  const { reduce } = reducerWithBug("ticked");
  const world = new World({ reduce });
  const peer = world.connect();
  await world.clock.advance(NUMBERS.identifyTimeoutMs);
  assert.equal(peer.closeCode, 1011);
  // Not `advance`, which would never end if each bug set the next timer.
  for (let fired = 0; world.clock.fireNext(); fired++) {
    assert.ok(fired < 10, "it ticks for ever");
    await settle();
  }
  assert.equal(peer.socket.state, "closed");
  await assertOneBug(world, 2);
  assert.equal(await world.closes(1011), 1);
  await world.assertEmpty();
});

Deno.test("Connection leaves nothing behind when the reducer fails at the end of the socket", async () => {
  for (const phase of ["unidentified", "ready", "closing"]) {
    const { reduce } = reducerWithBug("closed");
    const world = new World({ reduce });
    const peer = world.connect();
    if (phase === "ready") peer.identify({ channels: ["a"] });
    if (phase === "closing") peer.socket.receive("garbage");
    await settle();
    assert.equal(peer.connection.phase, phase);
    peer.socket.peerClosed();
    await assertOneBug(world);
    await world.assertEmpty();
    assert.equal(await world.closes("peer"), phase === "closing" ? 0 : 1);
    assert.equal(await world.closes(1011), 0);
  }
});

Deno.test("Connection contains a bug in a delivery: the others get the message once, and the next", async () => {
  const world = new World();
  const first = await world.ready();
  const socket = new BrokenSocket();
  const broken = await world.ready({}, socket);
  const last = await world.ready();
  socket.broken = true;
  await world.publish({});
  await world.publish({});
  assert.equal(broken.closeCode, 1011);
  assert.equal(first.received.length, 2);
  assert.equal(last.received.length, 2);
  assert.equal(new Set(last.received).size, 2);
  await assertOneBug(world);
  assert.equal(world.gateway.tables["members"], 2);
});

Deno.test("Connection contains a bug in a replay", async () => {
  const world = new World();
  const [first] = await world.publish({}, {});
  const socket = new BrokenSocket();
  const peer = world.connect("192.0.2.1", socket);
  world.log.holding = true;
  peer.identify({ lastId: first!.id });
  await settle();
  socket.stall();
  world.log.release();
  await settle();
  assert.equal(peer.connection.phase, "ready");
  assert.equal(peer.received.length, 1);
  await world.publish({});
  socket.broken = true;
  socket.drain();
  await world.clock.advance(64);
  assert.equal(peer.closeCode, 1011);
  await assertOneBug(world);
  socket.peerClosed();
  await world.assertEmpty();
});

Deno.test("Connection contains a bug on the way to the reducer, so that the runtime never sees it", async () => {
  const world = new World();
  const peer = world.connect();
  const other = world.connect();
  // An exception in the runtime's event handler would end the process.
  const frameIn = Metrics.prototype.frameIn;
  world.metrics.frameIn = () => {
    throw new TypeError("a bug in counting");
  };
  peer.socket.receive("[]");
  assert.equal(peer.closeCode, 1011);
  await assertOneBug(world);
  world.metrics.frameIn = frameIn;
  other.socket.receiveFrame({ op: Op.Heartbeat, time: 1 });
  assert.equal(other.frames(Op.HeartbeatAck).length, 1);
});

Deno.test("Connection that cannot be terminated lingers in the metric and the limits, and is tried again", async () => {
  const world = new World({ limits: { maxConnectionsPerIp: 1 } });
  const peer = await world.ready({ channels: ["a"] });
  peer.socket.terminateFails = true;
  void world.gateway.execute({ do: "disconnect", user: "alice" });
  assert.equal(peer.closeCode, 4010);
  const lingering = () => world.metrics.value("gateway_lingering_sockets");
  await world.clock.advance(NUMBERS.closeGraceMs - 1);
  assert.equal(await lingering(), 0);
  await world.clock.advance(1);
  assert.equal(peer.socket.terminations, 1);
  assert.equal(await lingering(), 1);
  assert.deepEqual(await world.phases(), {});
  assert.equal(world.gateway.tables["members"], 0);
  assert.equal(world.connect("192.0.2.1").closeCode, 1013);
  // Retried after 3, 6, 12, 24 and 48 s, then every minute.
  await world.clock.advance(3000 + 6000 + 12_000 + 24_000 + 48_000 - 1);
  assert.equal(peer.socket.terminations, 5);
  await world.clock.advance(1 + 60_000 * 10);
  assert.equal(peer.socket.terminations, 16);
  assert.equal(await lingering(), 1);
  peer.socket.terminateFails = false;
  await world.clock.advance(60_000);
  assert.equal(peer.socket.state, "closed");
  await world.assertEmpty();
  assert.equal(world.connect("192.0.2.1").closeCode, undefined);
});

Deno.test("Connection that lingers is released when TCP gives it up, and leaves no timer", async () => {
  const world = new World();
  const peer = await world.ready();
  peer.socket.terminateFails = true;
  void world.gateway.execute({ do: "disconnect", user: "alice" });
  await world.clock.advance(NUMBERS.closeGraceMs);
  assert.equal(await world.metrics.value("gateway_lingering_sockets"), 1);
  peer.socket.peerClosed();
  await world.assertEmpty();
});

Deno.test("Connection that fails half way through closing is out of every table and terminated in time", async () => {
  const world = new World({
    reduce: (state, event, options) => {
      const [next, effects] = reduce(state, event, options);
      if (event.type !== "disconnected") return [next, effects];
      // JSON cannot represent it. It precedes the effects that end the session.
      const frame = { op: Op.Hello, heartbeat_interval: 1n as unknown as number } as const;
      return [next, [{ type: "send", frame }, ...effects]];
    },
  });
  const peer = await world.ready({ channels: ["a"] });
  void world.gateway.execute({ do: "disconnect", user: "alice" });
  assert.equal(world.gateway.tables["members"], 0);
  assert.equal(peer.closeCode, 1011);
  await assertOneBug(world);
  await world.clock.advance(NUMBERS.closeGraceMs);
  assert.equal(peer.socket.terminations, 1);
  await world.assertEmpty();
});

Deno.test("Connection gives its peer the whole grace when a bug comes up after the close frame", async () => {
  const world = new World();
  const peer = world.connect();
  const held = world.verifier.held();
  peer.identifyWith(held.token);
  peer.socket.receive("garbage");
  await world.clock.advance(NUMBERS.closeGraceMs - 1);
  held.reject(new TypeError("late"));
  await settle();
  assert.deepEqual([peer.closeCode, peer.socket.terminations], [4001, 0]);
  await assertOneBug(world);
  await world.clock.advance(1);
  assert.equal(peer.socket.terminations, 1);
  assert.equal(await world.closes(1011), 0);
  await world.assertEmpty();
});
