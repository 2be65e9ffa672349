/**
 * The description of each connection of a user, from which operators see why a message did not arrive.
 *
 * @module
 */

import assert from "node:assert/strict";
import { settle } from "../../mock/doubles/clock.ts";
import { FakeSocket } from "../../mock/doubles/socket.ts";
import { NUMBERS, World } from "./support/world.ts";

const NOBODY = { connections: 0, channels: [], sessions: [] };

Deno.test("Gateway.inspect() describes each connection that is ready, newest first", async () => {
  const world = new World();
  assert.deepEqual(await world.gateway.inspect("ann"), NOBODY);
  const first = await world.ready({ user: "ann", channels: ["a"] });
  const since = world.clock.now();
  await world.clock.advance(1000);
  const second = await world.ready({ user: "ann" });
  await world.ready({ user: "bob" });
  world.connect().identifyWith(world.verifier.held().token);
  const [published] = await world.publish({ channel: "a" });
  const shared = {
    ...{ node: "here:8000", transport: "fake", roundTripMs: null, unsentBytes: 0 },
    ...{ replayingAfter: null, sentUpTo: published!.id },
  };
  assert.deepEqual(await world.gateway.inspect("ann"), {
    connections: 2,
    channels: ["a"],
    sessions: [
      { ...shared, id: second.connection.id, since: since + 1000 },
      { ...shared, id: first.connection.id, since },
    ],
  });
  first.socket.peerClosed();
  second.socket.receive("garbage");
  assert.deepEqual(await world.gateway.inspect("ann"), NOBODY);
});

Deno.test("Gateway.inspect() has the time that the last heartbeat took", async () => {
  const world = new World();
  const peer = await world.ready({ user: "ann" });
  const roundTrip = async () => (await world.gateway.inspect("ann")).sessions[0]?.roundTripMs;
  let spentMs = 0;
  for (const ms of [120, 7]) {
    await world.clock.advance(NUMBERS.heartbeatIntervalMs - spentMs);
    await world.clock.advance(ms);
    peer.acknowledge();
    assert.equal(await roundTrip(), ms);
    spentMs = ms;
  }
});

Deno.test("Gateway.inspect() has the bytes that the client has not read", async () => {
  const world = new World();
  const socket = new FakeSocket();
  await world.ready({ user: "ann" }, socket);
  socket.stall();
  const [published] = await world.publish({ user: "ann", content: "x".repeat(1000) });
  const [session] = (await world.gateway.inspect("ann")).sessions;
  assert.equal(session?.sentUpTo, published!.id, "it was passed on");
  assert.ok(session !== undefined && session.unsentBytes > 1000, "and is not read");
});

Deno.test("Gateway.inspect() says after which message a replay began, and how far it is", async () => {
  const world = new World({ connection: { maxBufferedBytes: 64 * 1024 } });
  const [start] = await world.publish({ user: "ann", content: "start" });
  const missed = await world.publishMany(100, { user: "ann", content: "x".repeat(1000) });
  const socket = new FakeSocket();
  socket.stall();
  const peer = world.connect("192.0.2.1", socket);
  peer.identify({ user: "ann", lastId: start!.id });
  await settle();
  const [session] = (await world.gateway.inspect("ann")).sessions;
  assert.equal(session?.replayingAfter, start!.id);
  const reached = missed.findIndex(({ id }) => id === session?.sentUpTo);
  assert.ok(reached > 0 && reached < 99, `sent up to ${session?.sentUpTo}`);
  while (peer.received.length < missed.length) {
    socket.drain();
    await settle();
  }
  socket.drain();
  await settle();
  const [live] = (await world.gateway.inspect("ann")).sessions;
  assert.deepEqual([live?.replayingAfter, live?.sentUpTo], [null, missed.at(-1)!.id]);
});

Deno.test("Gateway.inspect() in the middle of a fan-out waits until all have what it says", async () => {
  const world = new World({ turnDeliveries: 1 });
  const peers = [];
  for (let number = 0; number < 5; number++) peers.push(await world.ready({ user: "ann" }));
  const messages = await world.log.publish([{ author: "app", content: null, user: "ann" }]);
  assert.ok(peers.some(({ received }) => received.length === 0), "some wait for a later turn");
  const inspected = world.gateway.inspect("ann");
  await world.clock.advance(10);
  const { sessions } = await inspected;
  assert.deepEqual(sessions.map(({ sentUpTo }) => sentUpTo), Array(5).fill(messages[0]!.id));
  assert.ok(peers.every(({ received }) => received.length === 1));
});

Deno.test("Gateway.inspect() describes the newest hundred of a user's connections", async () => {
  const world = new World();
  for (let number = 0; number < 102; number++) await world.ready({ user: "ann" });
  const { connections, sessions } = await world.gateway.inspect("ann");
  assert.deepEqual([connections, sessions.length], [102, 100]);
});
