/**
 * A connection from Hello to close: the frames in order, and the outcomes of Identify.
 *
 * @module
 */

import assert from "node:assert/strict";
import { OperationalError } from "../../gateway/errors.ts";
import { Op } from "../../gateway/protocol/mod.ts";
import { settle } from "../../mock/doubles/clock.ts";
import { FakeSocket } from "../../mock/doubles/socket.ts";
import { World } from "./support/world.ts";

Deno.test("Connection answers what arrived before it listened, after Hello", async () => {
  const world = new World();
  const socket = new FakeSocket();
  const token = world.verifier.token({
    ok: true,
    user: "alice",
    channels: [],
    expiresAt: world.clock.now() + 1000,
    issuedAt: 0,
  });
  socket.receiveFrame({ op: Op.Heartbeat, time: 7 });
  socket.receiveFrame({ op: Op.Identify, token });
  const peer = world.connect("192.0.2.1", socket);
  await settle();
  assert.deepEqual(peer.socket.frames.map((frame) => Reflect.get(Object(frame), "op")), [
    Op.Hello,
    Op.HeartbeatAck,
    Op.Ready,
  ]);
});

Deno.test("Connection whose socket closed before it listened leaves nothing behind", async () => {
  const world = new World();
  const socket = new FakeSocket();
  socket.peerClosed();
  world.connect("192.0.2.1", socket);
  await world.assertEmpty();
  assert.equal(await world.closes("peer"), 1);
});

Deno.test("Connection goes from Identify to Ready to messages, and through every phase's gauge", async () => {
  const world = new World();
  const before = await world.publish({ channel: "general" });
  const peer = world.connect();
  assert.deepEqual(await world.phases(), { unidentified: 1 });
  const held = world.verifier.held();
  peer.identifyWith(held.token);
  assert.deepEqual(await world.phases(), { verifying: 1 });
  await world.publish({ channel: "general" });
  const expiresAt = world.clock.now() + 1000;
  held.resolve({ ok: true, user: "alice", channels: ["general"], expiresAt, issuedAt: 0 });
  await settle();
  assert.deepEqual(await world.phases(), { ready: 1 });
  const lastId = before[0]!.id.replace(/1$/, "2");
  assert.deepEqual(peer.ready, { op: Op.Ready, user: "alice", last_id: lastId });
  const [, , message] = await world.publish({ channel: "other" }, { user: "bob" }, {
    channel: "general",
    author: "7",
    content: { text: "hi" },
  });
  assert.deepEqual(peer.frames(Op.Message), [{
    op: Op.Message,
    id: message!.id,
    channel: "general",
    author: "7",
    content: { text: "hi" },
    time: message!.time,
  }]);
  peer.socket.peerClosed();
  await world.assertEmpty();
  assert.equal(await world.closes("peer"), 1);
});

Deno.test("Connection counts frames by name in both directions, and messages once", async () => {
  const world = new World();
  const missed = await world.publish({}, {});
  const live = await world.ready();
  const resumed = await world.ready({ lastId: missed[0]!.id });
  live.socket.receiveFrame({ op: Op.Heartbeat, time: 1 });
  await world.publish({}, {}, {});
  const value = (name: string, op: string) => world.metrics.value(name, { op });
  assert.equal(live.received.length, 3);
  assert.equal(resumed.received.length, 4);
  assert.equal(await value("gateway_frames_in_total", "Identify"), 2);
  assert.equal(await value("gateway_frames_in_total", "Heartbeat"), 1);
  assert.equal(await value("gateway_frames_out_total", "Hello"), 2);
  assert.equal(await value("gateway_frames_out_total", "Ready"), 2);
  assert.equal(await value("gateway_frames_out_total", "HeartbeatAck"), 1);
  assert.equal(await value("gateway_frames_out_total", "Message"), 7);
  assert.equal(await world.metrics.value("gateway_messages_published_total"), 5);
  assert.equal(await world.metrics.value("gateway_messages_delivered_total"), 6);
  assert.equal(await world.metrics.value("gateway_messages_replayed_total"), 1);
});

Deno.test("Connection closes with 4003 for a token that the verifier refuses, with its reason", async () => {
  const world = new World();
  const peer = world.connect();
  peer.identifyWith(
    world.verifier.token({ ok: false, refusal: "not_yet_valid", reason: "too soon" }),
  );
  await settle();
  assert.deepEqual(peer.socket.closeFrame, { code: 4003, reason: "too soon" });
  const rejected = (reason: string) =>
    world.metrics.value("gateway_identifies_rejected_total", { reason });
  assert.equal(await rejected("not_yet_valid"), 1);
  assert.equal(await rejected("invalid"), 0);
  assert.equal(peer.frames(Op.Ready).length, 0);
});

Deno.test("Connection closes with 1011 when the verifier cannot decide, and calls it no bug", async () => {
  const world = new World();
  const peer = world.connect();
  const failure = new OperationalError("issuer_unreachable", "no key set");
  peer.identifyWith(world.verifier.token(() => Promise.reject(failure)));
  await settle();
  assert.equal(peer.closeCode, 1011);
  assert.equal(await world.metrics.value("gateway_bugs_total"), 0);
  assert.deepEqual(world.logger.messages("error"), []);
  assert.deepEqual(world.logger.messages("warn"), ["clients cannot be identified"]);
  assert.ok(!world.logger.text().includes("token-0"), "the token is in the log");
});

Deno.test("Connection says of what strangers can repeat at will only once in ten seconds", async () => {
  const world = new World();
  const failure = new OperationalError("issuer_unreachable", "no key set");
  const refused = () => Promise.resolve({ ok: false, refusal: "invalid", reason: "bad" } as const);
  const fail = async () => {
    for (let i = 0; i < 50; i++) {
      world.connect().identifyWith(world.verifier.token(() => Promise.reject(failure)));
      world.connect().identifyWith(world.verifier.token(refused));
    }
    await settle();
  };
  await fail();
  assert.deepEqual(world.logger.messages("warn"), ["clients cannot be identified"]);
  assert.deepEqual(world.logger.messages("info"), ["a token was refused"]);
  await world.clock.advance(10_000);
  await fail();
  assert.equal(world.logger.messages("warn").length, 2);
  assert.equal(world.logger.messages("info").length, 2);
});

Deno.test("Connection ignores the outcome of an older Identify", async () => {
  for (const late of ["verified", "rejected", "lost"] as const) {
    const world = new World();
    const peer = world.connect();
    const [older, newer] = [world.verifier.held(), world.verifier.held()];
    peer.identifyWith(older.token);
    peer.identifyWith(newer.token);
    const claims = {
      ok: true,
      channels: [],
      expiresAt: world.clock.now() + 1000,
      issuedAt: 0,
    } as const;
    if (late === "verified") older.resolve({ ...claims, user: "eve" });
    if (late === "rejected") older.resolve({ ok: false, refusal: "invalid", reason: "bad" });
    if (late === "lost") older.reject(new OperationalError("issuer_unreachable", "away"));
    await settle();
    newer.resolve({ ...claims, user: "ann" });
    await settle();
    assert.equal(peer.connection.user, "ann", late);
    assert.equal(peer.frames(Op.Ready).length, 1);
  }
});

Deno.test("Connection ignores frames after its close frame, and answers none", async () => {
  const world = new World();
  const peer = await world.ready();
  peer.socket.receive("garbage");
  assert.equal(peer.closeCode, 4001);
  const sent = peer.socket.sent.length;
  peer.socket.receiveFrame({ op: Op.Heartbeat, time: 1 });
  peer.identify();
  peer.socket.receive(new Uint8Array(9));
  await world.publish({});
  assert.equal(peer.socket.sent.length, sent);
  assert.equal(await world.metrics.value("gateway_frames_in_total", { op: "Heartbeat" }), 0);
  assert.equal(await world.closes(4001), 1);
  assert.equal(world.gateway.tables["members"], 0);
  peer.socket.peerClosed();
  await world.assertEmpty();
});
