/**
 * The gateway: limits on connections, publishing, presence, and the backend's commands on a user's connections.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { UserCommand } from "../../gateway/ports.ts";
import { Op } from "../../gateway/protocol/mod.ts";
import { settle } from "../../mock/doubles/clock.ts";
import { idsOf, NUMBERS, World } from "./support/world.ts";

function refused(world: World, reason: string): Promise<number> {
  return world.metrics.value("gateway_refused_total", { reason });
}

Deno.test("Gateway refuses a connection over the limit in all with 1013 and no Hello", async () => {
  const world = new World({ limits: { maxConnections: 2 } });
  const admitted = [world.connect("a"), world.connect("b")];
  const peer = world.connect("c");
  assert.deepEqual(peer.socket.frames, []);
  assert.deepEqual(peer.socket.closeFrame, { code: 1013, reason: "too many connections" });
  assert.equal(await refused(world, "total"), 1);
  peer.identify();
  await settle();
  assert.deepEqual(peer.socket.frames, []);
  await world.clock.advance(NUMBERS.closeGraceMs);
  assert.equal(peer.socket.terminations, 1);
  assert.equal(world.gateway.connections.size, 2);
  admitted[0]!.socket.peerClosed();
  assert.equal(world.connect("c").frames(Op.Hello).length, 1);
});

Deno.test("Gateway refuses a connection over the limit of its address, and takes another's", async () => {
  const world = new World({ limits: { maxConnectionsPerIp: 2 } });
  world.connect("a");
  world.connect("a");
  assert.equal(world.connect("a").closeCode, 1013);
  assert.equal(await refused(world, "per_address"), 1);
  assert.equal(world.connect("b").closeCode, undefined);
});

Deno.test("Gateway refuses a connection while too many are not ready, in whatever phase", async () => {
  const world = new World({ limits: { maxUnidentified: 2 } });
  const first = world.connect();
  first.identifyWith(world.verifier.held().token);
  const second = world.connect();
  assert.equal(world.connect().closeCode, 1013);
  assert.equal(await refused(world, "unidentified"), 1);
  second.identify();
  await settle();
  const third = world.connect();
  assert.equal(third.closeCode, undefined);
  assert.equal(world.connect().closeCode, 1013);
  // One that is closed but not gone still counts.
  third.socket.receive("garbage");
  assert.equal(world.connect().closeCode, 1013);
  await world.clock.advance(NUMBERS.closeGraceMs);
  assert.equal(world.connect().closeCode, undefined);
});

Deno.test("Gateway says full when 256 refused connections are open, and counts all of it down", async () => {
  const world = new World({ limits: { maxConnections: 1 } });
  const peers = Array.from({ length: 257 }, () => world.connect());
  assert.equal(world.gateway.connect("a"), "full");
  assert.equal(await refused(world, "total"), 257);
  peers[256]!.socket.peerClosed();
  peers.pop();
  const again = world.gateway.connect("a");
  assert.ok(typeof again === "object");
  again.abandon();
  assert.ok(typeof world.gateway.connect("a") === "object");
});

Deno.test("Gateway counts a connection from before its upgrade, until that is abandoned", async () => {
  const world = new World({ limits: { maxConnections: 1 } });
  const entry = world.gateway.connect("a");
  assert.ok(typeof entry === "object");
  assert.equal(world.connect("b").closeCode, 1013);
  entry.abandon();
  entry.abandon();
  await world.clock.advance(NUMBERS.closeGraceMs);
  assert.equal(world.gateway.tables["admitted"], 0);
  const peer = world.connect("b");
  assert.equal(peer.closeCode, undefined);
  peer.socket.peerClosed();
  await world.assertEmpty();
});

Deno.test("Gateway.log makes publishers wait while 2,000 messages wait for fan-out", async () => {
  const world = new World({ turnDeliveries: 1 });
  await world.ready();
  // The first turn takes a run of 256 of them.
  await world.publishMany(2256);
  const draft = { author: "app", content: "late" };
  const published = [
    world.gateway.log.publish([draft]),
    world.gateway.log.publishOnce({ key: "k", digest: "d" }, [draft]),
  ];
  await settle();
  assert.equal(world.log.head().sequence, 2256);
  world.clock.fireNext();
  await Promise.all(published);
  assert.equal(world.log.head().sequence, 2258);
});

Deno.test("Gateway.log counts what could not be stored, but no key that is reused", async () => {
  const world = new World();
  const draft = { author: "app", content: null };
  await world.gateway.log.publishOnce({ key: "k", digest: "d" }, [draft]);
  const failures = () => world.metrics.value("gateway_log_publish_failures_total");
  await assert.rejects(world.gateway.log.publishOnce({ key: "k", digest: "other" }, [draft]), {
    code: "idempotency_key_reused",
  });
  assert.equal(await failures(), 0);
  await world.log.close();
  await assert.rejects(world.gateway.log.publish([draft]), { code: "log_closed" });
  assert.equal(await failures(), 1);
});

Deno.test("Gateway.presence() counts ready connections of a user and unites their channels", async () => {
  const world = new World();
  assert.deepEqual(world.gateway.presence(["ann"]), [{ connections: 0, channels: [] }]);
  const first = await world.ready({ user: "ann", channels: ["z", "a"] });
  const second = await world.ready({ user: "ann", channels: ["a", "m"] });
  await world.ready({ user: "bob", channels: ["bobs"] });
  const waiting = world.connect();
  waiting.identifyWith(world.verifier.held().token);
  const all = { connections: 2, channels: ["a", "m", "z"] };
  assert.deepEqual(world.gateway.presence(["ann"]), [all]);
  first.socket.peerClosed();
  assert.deepEqual(world.gateway.presence(["ann"]), [{ connections: 1, channels: ["a", "m"] }]);
  second.socket.receive("garbage");
  assert.deepEqual(world.gateway.presence(["ann"]), [{ connections: 0, channels: [] }]);
});

Deno.test("Gateway.presence() answers for many users in the order asked, also twice", async () => {
  const world = new World();
  await world.ready({ user: "ann", channels: ["a"] });
  const ann = { connections: 1, channels: ["a"] };
  const nobody = { connections: 0, channels: [] };
  assert.deepEqual(world.gateway.presence(["zoe", "ann", "bob", "ann"]), [
    ...[nobody, ann, nobody, ann],
  ]);
});

Deno.test("Gateway counts and lists the users of a channel, each once, as they come and go", async () => {
  const world = new World();
  const { gateway } = world;
  const page = (after?: string, limit = 10) => {
    const { users, more } = gateway.channelUsers({ channel: "a", after, limit });
    return [...users.map(({ user, connections }) => `${user} ${connections}`), more];
  };
  assert.deepEqual(gateway.channelPresence("a"), { users: 0, connections: 0 });
  assert.deepEqual(page(), [false]);
  const first = await world.ready({ user: "bob", channels: ["a"] });
  const second = await world.ready({ user: "bob", channels: ["a", "b"] });
  await world.ready({ user: "ann", channels: ["a"] });
  await world.ready({ user: "Zoe", channels: ["a"] });
  await world.ready({ user: "eve", channels: ["b"] });
  assert.deepEqual(gateway.channelPresence("a"), { users: 3, connections: 4 });
  assert.deepEqual(page(), ["Zoe 1", "ann 1", "bob 2", false], "capitals come first");
  assert.deepEqual(page(undefined, 2), ["Zoe 1", "ann 1", true]);
  assert.deepEqual(page("ann", 1), ["bob 2", false]);
  assert.deepEqual(page("aaron", 1), ["ann 1", true], "after a user who is not there");
  first.socket.peerClosed();
  assert.deepEqual(gateway.channelPresence("a"), { users: 3, connections: 3 });
  await gateway.execute({ do: "join", user: "eve", channel: "a" });
  await gateway.execute({ do: "join", user: "eve", channel: "a" });
  await gateway.execute({ do: "leave", user: "bob", channel: "a" });
  assert.deepEqual(page(), ["Zoe 1", "ann 1", "eve 1", false]);
  second.identify({ user: "bob", channels: ["a"] });
  await settle();
  assert.deepEqual(page("ann"), ["bob 1", "eve 1", false], "a renewal brings the channel back");
  await gateway.execute({ do: "disconnect", user: "bob" });
  assert.deepEqual(gateway.channelPresence("a"), { users: 3, connections: 3 });
});

Deno.test("Gateway.execute() reaches every ready connection of the user, and no other", async () => {
  const world = new World();
  const execute = (command: UserCommand) => world.gateway.execute(command);
  const first = await world.ready({ user: "ann" });
  const second = await world.ready({ user: "ann", channels: ["a"] });
  const bob = await world.ready({ user: "bob", channels: ["a"] });
  const waiting = world.connect();
  waiting.identifyWith(world.verifier.held().token);
  await world.publish({ channel: "a" });
  for (const user of ["ann", "ann", "nobody"]) {
    assert.equal(await execute({ do: "join", user, channel: "a" }), 0);
  }
  const joined = await world.publish({ channel: "a" }, { channel: "a" });
  assert.deepEqual(first.received, idsOf(joined));
  assert.equal(second.received.length, 3);
  for (const channel of ["a", "never was in"]) {
    assert.equal(await execute({ do: "leave", user: "ann", channel }), 0);
  }
  await world.publish({ channel: "a" });
  assert.equal(first.received.length, 2);
  assert.equal(second.received.length, 3);
  assert.equal(bob.received.length, 4);
  assert.deepEqual(world.gateway.presence(["ann"]), [{ connections: 2, channels: [] }]);
  for (const [user, closed] of [["ann", 2], ["ann", 0], ["nobody", 0]] as const) {
    assert.equal(await execute({ do: "disconnect", user }), closed);
  }
  assert.deepEqual([first, second].map(({ closeCode }) => closeCode), [4010, 4010]);
  assert.deepEqual([bob, waiting].map(({ closeCode }) => closeCode), [undefined, undefined]);
  assert.deepEqual(world.gateway.presence(["ann"]), [{ connections: 0, channels: [] }]);
});

Deno.test("Gateway closes the oldest connection of a user with 4011 when a newer one is too many", async () => {
  const world = new World({ limits: { maxConnectionsPerUser: 2 } });
  const oldest = await world.ready({ user: "ann" });
  const second = await world.ready({ user: "ann" });
  const bob = await world.ready({ user: "bob" });
  const waiting = world.connect();
  waiting.identifyWith(world.verifier.held().token);
  // A renewal makes a connection no newer.
  oldest.identify({ user: "ann" });
  await settle();
  assert.equal(oldest.closeCode, undefined);
  const third = await world.ready({ user: "ann" });
  assert.deepEqual(oldest.socket.closeFrame, {
    code: 4011,
    reason: "the user has newer connections",
  });
  assert.equal(world.gateway.presence(["ann"])[0]?.connections, 2);
  third.socket.peerClosed();
  const fourth = await world.ready({ user: "ann" });
  for (const { closeCode } of [second, fourth, bob, waiting]) assert.equal(closeCode, undefined);
  const [message] = idsOf(await world.publish({ user: "ann" }));
  for (const { received } of [second, fourth]) assert.deepEqual(received, [message]);
  assert.deepEqual(oldest.received, []);
});

Deno.test("Gateway sets no limit on the connections of a user unless told", async () => {
  const world = new World();
  const peers = [];
  while (peers.length < 20) peers.push(await world.ready({ user: "ann" }));
  assert.deepEqual(new Set(peers.map(({ closeCode }) => closeCode)), new Set([undefined]));
});

Deno.test("Gateway lets an address wait whose clients flood or send what is no frame", async () => {
  const world = new World({ limits: { connectRatePerIp: 1, connectBurstPerIp: 12 } });
  for (const fault of ["[]", new Uint8Array(5000)]) {
    const peer = world.connect();
    peer.socket.receive(fault);
    peer.socket.peerClosed();
  }
  assert.equal(world.gateway.connect("192.0.2.1"), "too soon");
  assert.equal(await world.metrics.value("gateway_refused_total", { reason: "rate" }), 1);
  await world.clock.advance(1000);
  assert.notEqual(world.gateway.connect("192.0.2.1"), "too soon");
});
