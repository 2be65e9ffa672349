/**
 * A connection and time: its one timer follows the session's deadlines and the steady clock, and none
 * remains. The deadlines themselves are tested in `tests/protocol`.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Op } from "../../gateway/protocol/mod.ts";
import { settle } from "../../mock/doubles/clock.ts";
import { NUMBERS, type Peer, World } from "./support/world.ts";

const { heartbeatIntervalMs, verifyTimeoutMs } = NUMBERS;

/** Advances by `ms`, and acknowledges every heartbeat at once. */
async function live(world: World, peer: Peer, ms: number): Promise<void> {
  const until = world.clock.steady() + ms;
  while ((world.clock.nextDue() ?? Infinity) <= until) {
    const beats = peer.frames(Op.Heartbeat).length;
    world.clock.fireNext();
    if (peer.frames(Op.Heartbeat).length > beats) peer.acknowledge();
    await settle();
  }
  await world.clock.advanceTo(until);
}

Deno.test("Connection closes with 1011 when the log takes too long to find the place", async () => {
  const world = new World();
  const [first] = await world.publish({}, {});
  world.log.holding = true;
  const peer = world.connect();
  peer.identify({ lastId: first!.id });
  await world.clock.advance(verifyTimeoutMs - 1);
  assert.equal(peer.connection.phase, "locating");
  await world.clock.advance(1);
  assert.equal(peer.closeCode, 1011);
  world.log.release();
  await settle();
  assert.deepEqual(peer.received, []);
  assert.equal(peer.frames(Op.Ready).length, 0);
  peer.socket.peerClosed();
  await world.assertEmpty();
});

Deno.test("Connection has one timer at every moment of its life, and none after", async () => {
  const world = new World();
  const timers = () => world.clock.pending;
  const peer = world.connect();
  assert.equal(timers(), 1);
  const held = world.verifier.held();
  peer.identifyWith(held.token);
  assert.equal(timers(), 1);
  const expiresAt = world.clock.now() + 200_000;
  held.resolve({ ok: true, user: "ann", channels: [], expiresAt, issuedAt: 0 });
  await settle();
  assert.equal(timers(), 1);
  for (let i = 0; i < 4; i++) {
    await world.clock.advance(heartbeatIntervalMs);
    assert.equal(timers(), 1);
    peer.acknowledge();
    assert.equal(timers(), 1);
    peer.socket.receiveFrame({ op: Op.Heartbeat, time: i });
    await world.publish({}, {});
    assert.equal(timers(), 1);
  }
  await live(world, peer, 20_000);
  assert.equal(peer.closeCode, 4003);
  assert.equal(timers(), 1);
  peer.socket.peerClosed();
  await world.assertEmpty();
});

Deno.test("Connection leaves no timer when the peer goes, whatever the phase", async () => {
  for (const phase of ["unidentified", "verifying", "locating", "ready", "closing"]) {
    const world = new World();
    const [first] = await world.publish({}, {});
    world.log.holding = phase === "locating";
    const peer = world.connect();
    peer.socket.stall();
    if (phase === "verifying") peer.identifyWith(world.verifier.held().token);
    if (phase === "locating" || phase === "ready") peer.identify({ lastId: first!.id });
    if (phase === "closing") peer.socket.receive("garbage");
    await settle();
    assert.equal(peer.connection.phase, phase);
    peer.socket.peerClosed();
    await settle();
    await world.assertEmpty();
    assert.equal(peer.connection.unsentBytes, 0);
  }
});

Deno.test("Connection follows no jump of the wall clock: neither deadlines nor beats move", async () => {
  const world = new World();
  const token = { expiresAt: world.clock.now() + 3_600_000 };
  const peer = await world.ready(token);
  const end = world.clock.steady() + 3_600_000;
  for (const jumpMs of [86_400_000 * 365, -86_400_000 * 700, 12_345]) {
    world.clock.jumpWall(jumpMs);
    await live(world, peer, heartbeatIntervalMs * 3 + 7);
    assert.equal(peer.connection.phase, "ready");
  }
  const times = peer.frames(Op.Heartbeat).map((beat) => Number(beat["time"]));
  assert.equal(times.length, 9);
  times.slice(1).forEach((time, i) => assert.equal(time - times[i]!, heartbeatIntervalMs));
  await live(world, peer, end - world.clock.steady() - 1);
  assert.equal(peer.connection.phase, "ready");
  await world.clock.advance(1);
  assert.equal(peer.closeCode, 4003);
});

Deno.test("Connection reckons a token's life by the wall clock at the time it was verified", async () => {
  const world = new World();
  world.clock.jumpWall(1_000_000);
  const peer = await world.ready({ expiresAt: world.clock.now() + 5000 });
  await world.clock.advance(4999);
  assert.equal(peer.connection.phase, "ready");
  await world.clock.advance(1);
  assert.equal(peer.closeCode, 4003);
  const late = world.connect();
  late.identify({ expiresAt: world.clock.now() });
  await settle();
  assert.equal(late.closeCode, 4003);
});

Deno.test("Connection takes a token that expires 2^40 ms from now, or never", async () => {
  for (const lifeMs of [2 ** 31, 2 ** 40, Infinity]) {
    const world = new World({ connection: { heartbeatIntervalMs: 2 ** 41 } });
    const peer = await world.ready({ expiresAt: world.clock.now() + lifeMs });
    await world.clock.advance(Math.min(lifeMs, 2 ** 41) - 1);
    assert.equal(peer.connection.phase, "ready");
    await world.clock.advance(1);
    assert.equal(peer.closeCode, lifeMs === Infinity ? undefined : 4003);
  }
});

Deno.test("Connection measures the round trip of each beat that is acknowledged", async () => {
  const world = new World();
  const peer = await world.ready();
  await world.clock.advance(heartbeatIntervalMs + 250);
  peer.acknowledge();
  peer.acknowledge();
  const value = (part: string) =>
    world.metrics.value(`gateway_heartbeat_round_trip_seconds_${part}`);
  assert.equal(await value("count"), 1);
  assert.equal(await value("sum"), 0.25);
});

Deno.test("Connection with an interval of its own closes with 4002 by that, and no other does", async () => {
  const world = new World();
  const ordinary = await world.ready();
  const connect = (intervalMs: number) => world.connect(undefined, undefined, intervalMs);
  const quick = connect(3000);
  assert.equal(quick.frames(Op.Hello)[0]?.["heartbeat_interval"], 3000);
  const [hello] = connect(heartbeatIntervalMs + 1).frames(Op.Hello);
  assert.equal(hello?.["heartbeat_interval"], heartbeatIntervalMs, "only shorter ones");
  quick.identify();
  await settle();
  await world.clock.advance(3000);
  assert.equal(quick.frames(Op.Heartbeat).length, 1);
  await world.clock.advance(2999);
  assert.equal(quick.closeCode, undefined);
  await world.clock.advance(1);
  assert.equal(quick.closeCode, 4002);
  assert.equal(ordinary.frames(Op.Heartbeat).length, 0);
  assert.equal(ordinary.closeCode, undefined);
});
