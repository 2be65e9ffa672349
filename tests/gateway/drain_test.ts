/**
 * Draining: 1012 for every connection, spread over the time, and an end that does not depend on peers.
 *
 * @module
 */

import assert from "node:assert/strict";
import { settle } from "../../mock/doubles/clock.ts";
import { FakeSocket } from "../../mock/doubles/socket.ts";
import { NUMBERS, type Peer, World } from "./support/world.ts";

const SPREAD_MS = 10_000;
const { closeGraceMs } = NUMBERS;

async function drain(world: World, spreadMs = SPREAD_MS): Promise<{ readonly over: boolean }> {
  const state = { over: false };
  void world.gateway.drain(spreadMs).then(() => (state.over = true));
  await settle();
  return state;
}

/** The times at which peers were closed, in milliseconds from now. */
async function closeTimes(world: World, peers: readonly Peer[]): Promise<number[]> {
  const start = world.clock.steady();
  const times = new Map<Peer, number>();
  for (;;) {
    for (const peer of peers) {
      if (peer.closeCode === undefined || times.has(peer)) continue;
      times.set(peer, world.clock.steady() - start);
      peer.socket.peerClosed();
    }
    await settle();
    if (!world.clock.fireNext()) return peers.map((peer) => times.get(peer) ?? NaN);
  }
}

Deno.test("Gateway.drain() closes all with 1012, evenly over the time, and resolves when they are gone", async () => {
  const world = new World({ connection: { verifyTimeoutMs: 60_000 } });
  const peers = [];
  for (let i = 0; i < 9; i++) peers.push(await world.ready({ user: `u${i}` }));
  peers.push(world.connect());
  peers.push(world.connect());
  peers[10]!.identifyWith(world.verifier.held().token);
  const state = await drain(world);
  assert.equal(world.gateway.draining, true);
  assert.equal(state.over, false);
  const times = await closeTimes(world, peers);
  assert.deepEqual(times, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((i) => i * 1000));
  for (const peer of peers) assert.equal(peer.closeCode, 1012);
  assert.equal(state.over, true);
  assert.equal(await world.closes(1012), 11);
  await world.assertEmpty();
});

Deno.test("Gateway.drain() resolves at once without connections, and sets no timer", async () => {
  const world = new World();
  const state = await drain(world);
  assert.equal(state.over, true);
  await world.assertEmpty();
});

Deno.test("Gateway.drain() of one connection, or over no time, closes at once", async () => {
  const one = new World();
  const only = await one.ready();
  await drain(one);
  await one.clock.advance(0);
  assert.equal(only.closeCode, 1012);
  const three = new World();
  const peers = [await three.ready(), await three.ready(), await three.ready()];
  await drain(three, 0);
  await three.clock.advance(0);
  for (const peer of peers) assert.equal(peer.closeCode, 1012);
});

Deno.test("Gateway.drain() is over as soon as everybody has gone by themselves, and leaves no timer", async () => {
  const world = new World();
  const peers = [await world.ready(), await world.ready(), await world.ready()];
  const state = await drain(world);
  await world.clock.advance(1000);
  for (const { socket } of peers) socket.peerClosed();
  await settle();
  assert.equal(state.over, true);
  await world.assertEmpty();
});

Deno.test("Gateway.drain() delivers to those whose turn has not come", async () => {
  const world = new World();
  const [first, , last] = [await world.ready(), await world.ready(), await world.ready()];
  await drain(world);
  await world.clock.advance(SPREAD_MS - 1);
  await world.publish({});
  assert.equal(first.received.length, 0);
  assert.equal(last.received.length, 1);
});

Deno.test("Gateway.drain() terminates peers that answer nothing, and does not wait for one that it cannot", async () => {
  const world = new World();
  const peers = [await world.ready(), await world.ready()];
  const state = await drain(world);
  await world.clock.advance(SPREAD_MS + closeGraceMs - 1);
  assert.deepEqual(peers.map(({ socket }) => socket.terminations), [1, 0]);
  assert.equal(state.over, false);
  await world.clock.advance(1);
  assert.equal(state.over, true);
  await world.assertEmpty();

  const stuck = new World();
  const peer = await stuck.ready();
  peer.socket.terminateFails = true;
  const other = await drain(stuck);
  await stuck.clock.advance(SPREAD_MS + 2 * closeGraceMs - 1);
  assert.equal(other.over, false);
  await stuck.clock.advance(1);
  assert.equal(other.over, true);
});

Deno.test("Gateway admits no connection while it drains", async () => {
  const world = new World();
  await world.ready();
  await drain(world);
  assert.equal(world.gateway.connect("a"), "draining");
  assert.equal(await world.metrics.value("gateway_refused_total", { reason: "draining" }), 1);
  assert.equal(world.gateway.tables["admitted"], 1);
});

Deno.test("Gateway closes with 1012 what was admitted before the drain and opened during it", async () => {
  const world = new World();
  await world.ready();
  const entry = world.gateway.connect("a");
  assert.ok(typeof entry === "object");
  const state = await drain(world);
  const socket = new FakeSocket();
  const connection = entry.accept(socket);
  assert.equal(socket.closeFrame?.code, 1012);
  assert.equal(connection.phase, "closing");
  await world.clock.advance(SPREAD_MS + closeGraceMs);
  assert.equal(state.over, true);
  await world.assertEmpty();
});

Deno.test("Gateway.drain() waits for an upgrade that is under way, until it is abandoned", async () => {
  const world = new World();
  const entry = world.gateway.connect("a");
  assert.ok(typeof entry === "object");
  let drained = false;
  const draining = world.gateway.drain(0).then(() => drained = true);
  await settle();
  assert.equal(drained, false);
  entry.abandon();
  await draining;
  assert.equal(world.clock.pending, 0);
});

Deno.test("Gateway.drain() twice ends both, with one 1012 for each connection", async () => {
  const world = new World();
  const peers = [await world.ready(), await world.ready()];
  const first = await drain(world);
  await world.clock.advance(1000);
  const second = await drain(world, 0);
  await closeTimes(world, peers);
  assert.deepEqual([first.over, second.over], [true, true]);
  assert.equal(await world.closes(1012), 2);
  await world.assertEmpty();
});
