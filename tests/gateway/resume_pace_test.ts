/**
 * Resuming at the pace of the peer: never more unsent than the limit, without delaying others, and never
 * closed because of frames that the gateway itself holds back.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Outgoing } from "../../gateway/ports.ts";
import { settle } from "../../mock/doubles/clock.ts";
import { FakeSocket } from "../../mock/doubles/socket.ts";
import { idsOf, NUMBERS, type Peer, World } from "./support/world.ts";

const { maxBufferedBytes } = NUMBERS;

/** A peer that reads on demand, and records the most bytes that were unsent to it. */
class SlowSocket extends FakeSocket {
  peer: Peer | undefined;
  mostUnsent = 0;

  constructor() {
    super();
    this.stall();
  }

  override send(outgoing: Outgoing): void {
    super.send(outgoing);
    this.measure();
  }

  measure(): void {
    this.mostUnsent = Math.max(this.mostUnsent, this.peer?.connection.unsentBytes ?? 0);
  }
}

/** A peer that resumes after `lastId` and reads only on demand. */
async function slowly(world: World, lastId: string) {
  const socket = new SlowSocket();
  const peer = world.connect("192.0.2.1", socket);
  socket.peer = peer;
  peer.identify({ lastId });
  await settle();
  return { socket, peer };
}

/** Fires one timer, lets the peer read `bytes`, and returns how much was sent in between. */
async function turn(world: World, socket: SlowSocket, bytes: number): Promise<number> {
  const before = socket.sent.length;
  // Not the heartbeat, which is next if nothing else is pending.
  world.clock.fireNext(world.clock.steady() + 100);
  await settle();
  socket.measure();
  socket.drain(bytes);
  return socket.sent.length - before;
}

Deno.test("A replay of 100,000 messages to a slow peer stays within the bound and starves no other peer", async () => {
  const world = new World();
  const [seen] = await world.publish({});
  const missed = await world.publishMany(100_000);
  const other = await world.ready({ user: "other" });
  const { socket, peer } = await slowly(world, seen!.id);
  const live = [];
  for (let turns = 0; socket.sent.length < 100_000; turns++) {
    assert.ok(turns < 5000, "it never ends");
    // Turns of the event loop, each of which sends at most one page.
    const sent = await turn(world, socket, 20_000);
    assert.ok(sent <= 250, `${sent} messages in one turn`);
    if (turns % 100 !== 0) continue;
    live.push(...await world.publish({}));
    assert.equal(other.received.length, live.length, "a live message had to wait");
  }
  for (let i = 0; i < 100; i++) await turn(world, socket, 20_000);
  assert.equal(peer.connection.phase, "ready");
  assert.ok(socket.mostUnsent < maxBufferedBytes / 4, `${socket.mostUnsent} bytes`);
  assert.deepEqual(peer.received, idsOf([...missed, ...live]));
});

Deno.test("A replay of long messages keeps to the bound in bytes, a page at a time", async () => {
  const world = new World();
  const [seen] = await world.publish({});
  const missed = await world.publishMany(60, { content: "ä".repeat(45_000) });
  const { socket, peer } = await slowly(world, seen!.id);
  for (let i = 0; i < 400; i++) await turn(world, socket, 50_000);
  assert.deepEqual(peer.received, idsOf(missed));
  assert.ok(socket.mostUnsent <= maxBufferedBytes / 4 + 1000, `${socket.mostUnsent} bytes`);
});

Deno.test("A last page of one long message and much published meanwhile do not close with 4009", async () => {
  const world = new World();
  const [seen] = await world.publish({});
  const long = await world.publish({ content: "x".repeat(maxBufferedBytes / 2 - 1000) });
  const { socket, peer } = await slowly(world, seen!.id);
  assert.equal(peer.received.length, 1);
  // As much as may be buffered, to the last message.
  const meanwhile = await world.publishMany(50, { content: "x".repeat(10_000) });
  socket.drain(maxBufferedBytes);
  await turn(world, socket, 0);
  socket.measure();
  assert.equal(peer.closeCode, undefined);
  assert.ok(socket.mostUnsent <= maxBufferedBytes);
  for (let i = 0; i < 20; i++) await turn(world, socket, 60_000);
  assert.deepEqual(peer.received, idsOf([...long, ...meanwhile]));
  assert.equal(world.log.queries.length, 1, "what was buffered was read again");
});

Deno.test("A replay that cannot hold what is published meanwhile reads it from the log instead", async () => {
  const world = new World();
  const [seen] = await world.publish({});
  const all = [...await world.publish({})];
  const { socket, peer } = await slowly(world, seen!.id);
  for (let round = 1; round <= 4; round++) {
    all.push(...await world.publishMany(30, { content: "x".repeat(100_000) }));
    await world.clock.advance(0);
    assert.ok(peer.connection.unsentBytes <= maxBufferedBytes);
    socket.drain(maxBufferedBytes);
    await turn(world, socket, 0);
  }
  for (let i = 0; i < 2000 && peer.received.length < all.length; i++) {
    await turn(world, socket, 100_000);
  }
  assert.equal(peer.closeCode, undefined);
  assert.ok(socket.mostUnsent <= maxBufferedBytes);
  assert.deepEqual(peer.received, idsOf(all));
  socket.drain();
  all.push(...await world.publish({}));
  await world.clock.advance(100);
  assert.deepEqual(peer.received, idsOf(all));
});

Deno.test("A message longer than what may be buffered is read from the log", async () => {
  const world = new World();
  const [seen] = await world.publish({});
  const missed = await world.publish({});
  const { socket, peer } = await slowly(world, seen!.id);
  const long = await world.publish({ content: "x".repeat(maxBufferedBytes / 2 + 1) }, {});
  for (let i = 0; i < 40; i++) await turn(world, socket, 100_000);
  assert.deepEqual(peer.received, idsOf([...missed, ...long]));
  assert.equal(world.log.queries.length, 3);
});

Deno.test("A peer that reads nothing in a replay holds one page, however much is published", async () => {
  const world = new World();
  const [seen] = await world.publish({});
  await world.publishMany(5000, { content: "x".repeat(1000) });
  const { socket, peer } = await slowly(world, seen!.id);
  for (let i = 0; i < 20; i++) {
    await world.publishMany(100, { content: "x".repeat(10_000) });
    await world.clock.advance(100);
  }
  assert.equal(peer.connection.phase, "ready");
  assert.ok(peer.connection.unsentBytes <= maxBufferedBytes / 4 + 64 * 1024);
  assert.ok(socket.bufferedBytes < 64 * 1024 + 1200);
  // It does not answer heartbeats either, which ends it.
  await world.clock.advance(2 * NUMBERS.heartbeatIntervalMs);
  assert.equal(peer.closeCode, 4002);
  await world.clock.advance(NUMBERS.closeGraceMs);
  await world.assertEmpty();
});
