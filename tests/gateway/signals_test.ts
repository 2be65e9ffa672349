/**
 * Signals through a whole gateway: who gets them, that they give way to messages and to slow readers, and that their
 * share of the time and of the memory is bounded.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Signal } from "../../gateway/ports.ts";
import { Op } from "../../gateway/protocol/mod.ts";
import { settle } from "../../mock/doubles/clock.ts";
import { FakeSocket } from "../../mock/doubles/socket.ts";
import { type Identity, type Peer, World } from "./support/world.ts";

const LISTENS = { signals: true };

function signalsOf(peer: Peer): unknown[] {
  return peer.frames(Op.Signal).map((frame) => frame["content"]);
}

function send(world: World, ...signals: readonly Partial<Signal>[]): void {
  world.gateway.signal(
    signals.map((signal) => ({ author: "app", content: null, time: 5, ...signal })),
  );
}

function dropped(world: World, reason: string): Promise<number> {
  return world.metrics.value("gateway_signals_dropped_total", { reason });
}

Deno.test("A signal reaches those of its channel, its user or everyone that asked for signals, and no others", async () => {
  const world = new World();
  const both = await world.ready({ ...LISTENS, user: "ann", channels: ["a", "b"] });
  const bob = await world.ready({ ...LISTENS, user: "bob", channels: ["b"] });
  const deaf = await world.ready({ user: "ann", channels: ["a", "b"] });
  world.connect().identify({ ...LISTENS, user: "ann" });
  send(
    world,
    { channel: "a", content: 1 },
    { channel: "b", content: 2 },
    { user: "ann", content: 3 },
    { content: 4 },
    { channel: "ann", content: 5 },
    { user: "a", content: 6 },
  );
  assert.deepEqual(signalsOf(both), [1, 2, 3, 4]);
  assert.deepEqual(signalsOf(bob), [2, 4]);
  assert.deepEqual(signalsOf(deaf), []);
  const [first] = both.frames(Op.Signal);
  assert.deepEqual(first, { op: Op.Signal, channel: "a", author: "app", content: 1, time: 5 });
  assert.equal("user" in (both.frames(Op.Signal)[2] ?? {}), false);
  assert.equal(await world.metrics.value("gateway_signals_published_total"), 6);
  assert.equal(await world.metrics.value("gateway_frames_out_total", { op: "Signal" }), 6);
});

Deno.test("A renewal that does not ask for signals ends them, one that asks begins them", async () => {
  const world = new World();
  const peer = await world.ready({ user: "ann" });
  const renew = async (identity: Identity) => {
    peer.identify({ user: "ann", ...identity });
    await settle();
    send(world, { content: identity.signals === true });
  };
  await renew(LISTENS);
  await renew({});
  await renew(LISTENS);
  assert.deepEqual(signalsOf(peer), [true, true]);
  assert.equal(world.gateway.tables["listeners"], 1);
});

Deno.test("A member that leaves a channel, or is gone, gets no signal of it any more", async () => {
  const world = new World();
  const [ann, bob] = [
    await world.ready({ ...LISTENS, user: "ann", channels: ["a"] }),
    await world.ready({ ...LISTENS, user: "bob", channels: ["a"] }),
  ];
  await world.gateway.execute({ do: "leave", user: "ann", channel: "a" });
  send(world, { channel: "a", content: 1 });
  bob.socket.peerClosed();
  send(world, { channel: "a", content: 2 });
  assert.deepEqual([signalsOf(ann), signalsOf(bob)], [[], [1]]);
  ann.socket.peerClosed();
  await world.assertEmpty();
});

Deno.test("Signals come after every message that was published before, however long the fan-out takes", async () => {
  const world = new World({ turnDeliveries: 2 });
  const peers = [];
  for (const user of ["ann", "bob", "cid"]) peers.push(await world.ready({ ...LISTENS, user }));
  const published = world.publish(...Array.from({ length: 300 }, () => ({})));
  await settle();
  send(world, { content: "after" });
  await published;
  for (let turn = 0; turn < 2000; turn++) {
    for (const peer of peers) {
      const ops = peer.frames(Op.Signal).length;
      if (ops > 0) assert.equal(peer.received.length, 300);
    }
    if (peers.every((peer) => signalsOf(peer).length === 1)) break;
    world.clock.fireNext(world.clock.steady() + 100);
    await settle();
  }
  for (const peer of peers) {
    assert.deepEqual(signalsOf(peer), ["after"]);
    assert.deepEqual(peer.socket.frames.at(-1), peer.frames(Op.Signal)[0]);
  }
});

Deno.test("A session that catches up gets no signals before it has what was published before them", async () => {
  const world = new World();
  const [seen] = await world.publish({});
  await world.publishMany(300);
  const socket = new FakeSocket();
  socket.stall();
  const peer = await world.ready({ ...LISTENS, lastId: seen!.id }, socket);
  send(world, { content: "during the replay" });
  assert.deepEqual(signalsOf(peer), []);
  assert.equal(await dropped(world, "slow_reader"), 1);
  socket.drain();
  await world.clock.advance(1000);
  assert.equal(peer.received.length, 300);
  send(world, { content: "after it" });
  assert.deepEqual(signalsOf(peer), ["after it"]);
});

Deno.test("A slow reader misses signals, not messages, and is not closed for signals", async () => {
  const world = new World({ connection: { maxBufferedBytes: 16_384 } });
  const socket = new FakeSocket();
  const slow = await world.ready({ ...LISTENS, user: "slow" }, socket);
  const fast = await world.ready({ ...LISTENS, user: "fast" });
  socket.stall();
  for (let index = 0; index < 100; index++) {
    send(world, { content: "x".repeat(500) });
    await world.clock.advance(10);
  }
  assert.equal(slow.closeCode, undefined);
  assert.equal(signalsOf(fast).length, 100);
  const sent = signalsOf(slow).length;
  assert.ok(0 < sent && socket.bufferedBytes <= 16_384 / 4, `${socket.bufferedBytes} bytes wait`);
  assert.equal(await dropped(world, "slow_reader"), 100 - sent);
  const messages = await world.publish({ content: "y".repeat(8000) });
  assert.equal(slow.closeCode, undefined);
  assert.equal(slow.received.at(-1), messages[0]?.id);
  socket.drain();
  send(world, { content: "again" });
  assert.equal(signalsOf(slow).at(-1), "again");
});

Deno.test("A period serves 64 members; what waits for one audience goes out together, in order", async () => {
  const world = new World();
  const peers: Peer[] = [];
  for (let index = 0; index < 100; index++) peers.push(await world.ready(LISTENS));
  send(world, { content: 0 });
  const served = () => peers.filter((peer) => signalsOf(peer).length > 0).length;
  assert.equal(served(), 64);
  for (let content = 1; content <= 3; content++) send(world, { content });
  await world.clock.advance(4);
  assert.equal(served(), 64);
  await world.clock.advance(1);
  assert.equal(served(), 100);
  await world.clock.advance(10);
  for (const peer of peers) assert.deepEqual(signalsOf(peer), [0, 1, 2, 3]);
  // The rest of the first period, and one write for each member in two more.
  assert.equal(world.clock.pending, 100, "one heartbeat each");
});

Deno.test("Signals beyond 128 that wait for one audience push out the oldest, those of others none", async () => {
  const world = new World();
  const peers: Peer[] = [];
  for (let index = 0; index < 65; index++) peers.push(await world.ready(LISTENS));
  const [first] = peers;
  assert.ok(first !== undefined);
  send(world, { content: "begins the period" });
  send(world, { user: "alice", content: "another audience" });
  for (let content = 0; content < 200; content++) send(world, { content });
  await world.clock.advance(50);
  const expected = Array.from({ length: 128 }, (_, index) => index + 72);
  assert.deepEqual(signalsOf(first), ["begins the period", "another audience", ...expected]);
  assert.equal(await dropped(world, "overloaded"), 72);
});

Deno.test("Signals to more than 512 audiences push out those of the one that has waited longest", async () => {
  const world = new World();
  const channels = Array.from({ length: 513 }, (_, index) => `c${index}`);
  const peer = await world.ready({ ...LISTENS, channels });
  send(world, ...channels.map((channel, content) => ({ channel, content })));
  await world.clock.advance(50);
  assert.deepEqual(signalsOf(peer), Array.from({ length: 512 }, (_, index) => index + 1));
  assert.equal(await dropped(world, "overloaded"), 1);
});

Deno.test("A signal that has waited for more than a second is dropped", async () => {
  const world = new World({ turnDeliveries: 1 });
  const peer = await world.ready({ ...LISTENS, user: "ann" });
  const other = await world.ready({ ...LISTENS, user: "bob" });
  // The period's share goes to one member of a hundred waiting audiences.
  for (let index = 0; index < 300; index++) {
    world.gateway.execute({ do: "join", user: "bob", channel: `c${index}` });
    send(world, { channel: `c${index}`, content: index });
  }
  send(world, { user: "ann", content: "too late" });
  await world.clock.advance(3000);
  assert.deepEqual(signalsOf(peer), []);
  const got = signalsOf(other).length;
  assert.ok(got > 150 && got < 300, `${got} signals`);
  assert.equal(await dropped(world, "overloaded"), 301 - got);
});

Deno.test("Without anybody who asked, a signal costs no table, no timer and no drop", async () => {
  const world = new World();
  const peer = await world.ready();
  send(world, {}, { user: "alice" });
  assert.equal(world.clock.pending, 1);
  assert.equal(await dropped(world, "overloaded"), 0);
  peer.socket.peerClosed();
  await world.assertEmpty();
});
