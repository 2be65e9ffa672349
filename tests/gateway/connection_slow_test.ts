/**
 * A connection whose peer does not read: it is closed at the limit (`outbox_test.ts`), leaves every table, and
 * does not delay others.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Op } from "../../gateway/protocol/mod.ts";
import { FakeSocket } from "../../mock/doubles/socket.ts";
import { idsOf, NUMBERS, World } from "./support/world.ts";

Deno.test("Connection that is closed with 4009 is gone from presence and every table at once", async () => {
  const world = new World({ connection: { maxBufferedBytes: 10_000 } });
  const slow = await world.ready({ user: "slow", channels: ["a", "b"] });
  slow.socket.stall();
  await world.publishMany(3, { user: "slow", content: "x".repeat(6000) });
  assert.equal(slow.closeCode, 4009);
  assert.deepEqual(world.gateway.presence(["slow"]), [{ connections: 0, channels: [] }]);
  assert.deepEqual(world.gateway.tables, {
    members: 0,
    listeners: 0,
    users: 0,
    channels: 0,
    connections: 1,
    admitted: 1,
    addresses: 1,
  });
  assert.equal(slow.connection.unsentBytes, slow.socket.bufferedBytes);
  const sent = slow.socket.sent.length;
  slow.socket.drain();
  await world.publish({});
  await world.clock.advance(1000);
  assert.equal(slow.socket.sent.length, sent);
  await world.clock.advance(NUMBERS.closeGraceMs);
  await world.assertEmpty();
  assert.equal(await world.closes(4009), 1);
});

Deno.test("Connection's answers to a peer that floods and does not read are bounded as well", async () => {
  const world = new World({ connection: { maxBufferedBytes: 2000, rateLimitFrames: 10_000 } });
  const peer = await world.ready();
  peer.socket.stall();
  let frames = 0;
  while (peer.connection.phase === "ready" && frames < 1000) {
    frames += 1;
    peer.socket.receiveFrame({ op: Op.Heartbeat, time: 1 });
    assert.ok(peer.connection.unsentBytes <= 2000);
  }
  assert.equal(peer.closeCode, 4009);
});

Deno.test("Connections that all overflow in one delivery leave, and the fan-out goes on", async () => {
  const world = new World({ connection: { maxBufferedBytes: 5000 } });
  const brisk = await world.ready({ user: "first" });
  const slow = [];
  for (let i = 0; i < 50; i++) slow.push(await world.ready({ user: `slow${i}` }));
  const last = await world.ready({ user: "last" });
  for (const { socket } of slow) socket.stall();
  const messages = await world.publishMany(4, { content: "x".repeat(2000) });
  await world.clock.advance(1);
  assert.deepEqual(slow.map(({ closeCode }) => closeCode), slow.map(() => 4009));
  assert.deepEqual(brisk.received, idsOf(messages));
  assert.deepEqual(last.received, idsOf(messages));
  assert.equal(world.gateway.tables["members"], 2);
});

Deno.test("Connection that was closed while frames waited sends none of them after the close frame", async () => {
  const socket = new FakeSocket();
  const world = new World();
  const peer = await world.ready({}, socket);
  socket.stall();
  await world.publishMany(100, { content: "x".repeat(2000) });
  const sent = socket.sent.length;
  assert.ok(sent < 50);
  void world.gateway.execute({ do: "disconnect", user: "alice" });
  assert.equal(peer.connection.unsentBytes, socket.bufferedBytes);
  assert.equal(world.clock.pending, 1, "it polls for what it has forgotten");
  socket.drain();
  await world.clock.advance(1000);
  assert.equal(socket.sent.length, sent);
  assert.equal(peer.closeCode, 4010);
});
