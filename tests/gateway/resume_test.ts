/**
 * Resuming: exactly what was missed and then live messages, or nothing; and faults that end a replay.
 *
 * @module
 */

import assert from "node:assert/strict";
import { OperationalError } from "../../gateway/errors.ts";
import { Op } from "../../gateway/protocol/mod.ts";
import { settle } from "../../mock/doubles/clock.ts";
import { FakeSocket } from "../../mock/doubles/socket.ts";
import { idsOf, NUMBERS, World } from "./support/world.ts";

/** A peer that resumes after `lastId` and does not read, so that its replay waits after a page. */
function stalled(world: World, lastId: string, channels: readonly string[] = []) {
  const socket = new FakeSocket();
  socket.stall();
  return world.ready({ user: "alice", channels, lastId }, socket);
}

Deno.test("Resuming gives exactly the missed messages that the user may see, in order, then live ones", async () => {
  const world = new World();
  const [seen] = await world.publish({ channel: "a" });
  const missed = await world.publish(
    { channel: "a", author: "7", content: { n: 1 } },
    { channel: "b" },
    { user: "alice" },
    { user: "bob" },
    {},
    { channel: "c" },
    { channel: "a" },
  );
  const peer = await world.ready({ channels: ["a", "c"], lastId: seen!.id });
  const live = await world.publish({ channel: "b" }, { channel: "a" }, { user: "alice" });
  assert.deepEqual(peer.ready, { op: Op.Ready, user: "alice", last_id: seen!.id, resumed: true });
  const expected = [0, 2, 4, 5, 6].map((i) => missed[i]!);
  assert.deepEqual(peer.received, idsOf([...expected, ...live.slice(1)]));
  const { id, time } = missed[0]!;
  assert.deepEqual(peer.frames(Op.Message)[0], {
    ...{ op: Op.Message, id, channel: "a", author: "7", content: { n: 1 }, time, replayed: true },
  });
  assert.equal(peer.frames(Op.Ready).length, 1);
});

Deno.test("Resuming marks what was missed, not what was published since, not even if the log has it", async () => {
  const world = new World();
  const [seen] = await world.publish({});
  const missed = await world.publishMany(300);
  const online = await world.ready();
  const peer = await stalled(world, seen!.id);
  const since = await world.publishMany(2, { content: "x".repeat(NUMBERS.maxBufferedBytes) });
  peer.socket.drain();
  await world.clock.advance(1000);
  const later = await world.publish({});
  assert.deepEqual(peer.received, idsOf([...missed, ...since, ...later]));
  const marks = peer.frames(Op.Message).map((frame) => frame["replayed"]);
  const expected = [...missed.map(() => true), undefined, undefined, undefined];
  assert.deepEqual(marks, expected);
  assert.ok(online.frames(Op.Message).every((frame) => !("replayed" in frame)));
});

Deno.test("Resuming at the head, or from a Ready without messages, is resumed and gives what follows", async () => {
  const world = new World();
  const empty = await world.ready();
  const beginning = String(empty.ready["last_id"]);
  const fresh = await world.ready({ lastId: beginning });
  assert.deepEqual(fresh.ready["resumed"], true);
  const first = await world.publish({}, {});
  assert.deepEqual(fresh.received, idsOf(first));
  empty.socket.peerClosed();
  const late = await world.ready({ lastId: beginning });
  assert.deepEqual(late.received, idsOf(first));
  const atHead = await world.ready({ lastId: first[1]!.id });
  const second = await world.publish({});
  assert.equal(atHead.ready["resumed"], true);
  assert.deepEqual(atHead.received, idsOf(second));
});

Deno.test("Resuming from an id that is foreign, future, garbage or expired gives resumed: false", async () => {
  const world = new World({ retentionMessages: 5 });
  const messages = await world.publishMany(10);
  const head = messages[9]!.id;
  const epoch = head.split("-")[0]!;
  const bad = [
    messages[3]!.id,
    `${epoch}-0`,
    `${epoch}-11`,
    `${epoch}-999999999999999999999`,
    `other-7`,
    `${epoch}-07`,
    `${epoch}--1`,
    `${epoch}-7 `,
    "-",
    "",
    "7",
    "null",
    "💥".repeat(500),
    "'; DROP TABLE messages; --",
  ];
  for (const lastId of bad) {
    const peer = await world.ready({ lastId });
    assert.deepEqual(
      peer.ready,
      { op: Op.Ready, user: "alice", last_id: head, resumed: false },
      JSON.stringify(lastId),
    );
    assert.deepEqual(peer.received, []);
    peer.socket.peerClosed();
  }
  const oldest = await world.ready({ lastId: messages[4]!.id });
  assert.deepEqual(oldest.received, idsOf(messages.slice(5)));
  assert.equal(oldest.ready["resumed"], true);
});

Deno.test("A newer Identify while an older one's page is read: the newer alone decides", async () => {
  for (const newerResumes of [true, false]) {
    for (const olderFirst of [true, false]) {
      const world = new World();
      const messages = await world.publishMany(5);
      world.log.holding = true;
      const peer = world.connect();
      peer.identify({ user: "old", lastId: messages[0]!.id });
      await settle();
      const held = world.verifier.held();
      peer.identifyWith(held.token, newerResumes ? messages[2]!.id : undefined);
      if (olderFirst) world.log.release();
      await settle();
      assert.equal(peer.connection.phase, "verifying");
      held.resolve({
        ...{ ok: true, user: "new", channels: [] },
        expiresAt: world.clock.now() + 1000,
        issuedAt: 0,
      });
      await settle();
      world.log.release();
      await settle();
      const live = await world.publish({}, { user: "old" }, { user: "new" });
      assert.equal(peer.frames(Op.Ready).length, 1);
      assert.equal(peer.ready["user"], "new");
      const missed = newerResumes ? messages.slice(3) : [];
      assert.deepEqual(peer.received, idsOf([...missed, live[0]!, live[2]!]));
    }
  }
});

Deno.test("A peer that goes during a replay leaves nothing behind, and nothing more is read", async () => {
  for (const when of ["reading", "waiting for the peer"]) {
    const world = new World();
    const messages = await world.publishMany(1000, { content: "x".repeat(2000) });
    const peer = await stalled(world, messages[0]!.id);
    if (when === "reading") {
      world.log.holding = true;
      peer.socket.drain();
      await world.clock.advance(100);
      assert.equal(world.log.held, 1);
    }
    const queries = world.log.queries.length;
    peer.socket.peerClosed();
    await settle();
    await world.assertEmpty();
    const sent = peer.socket.sent.length;
    world.log.release();
    await world.publish({});
    assert.equal(world.log.queries.length, queries);
    assert.equal(peer.socket.sent.length, sent);
    await world.assertEmpty();
  }
});

Deno.test("A replay that retention overtakes ends with 1011, and the client can come back", async () => {
  const world = new World({ retentionMessages: 1000 });
  const messages = await world.publishMany(1000);
  const peer = await stalled(world, messages[0]!.id);
  const before = peer.received.length;
  await world.publishMany(1000, { user: "somebody else" });
  peer.socket.drain();
  await world.clock.advance(100);
  assert.equal(peer.closeCode, 1011);
  assert.deepEqual(peer.received, idsOf(messages.slice(1, before + 1)));
  assert.equal(await world.metrics.value("gateway_bugs_total"), 0);
  assert.ok(world.logger.messages("info").includes("retention overtook a replay"));
  const back = await world.ready({ lastId: String(peer.received.at(-1)) });
  assert.equal(back.ready["resumed"], false);
  const live = await world.publish({});
  assert.deepEqual(back.received, idsOf(live));
  assert.deepEqual(peer.received.length, before);
});

Deno.test("A replay whose log fails ends with 1011; nothing is lost when the client comes back", async () => {
  const world = new World();
  const messages = await world.publishMany(1000);
  const other = await world.ready({ user: "other" });
  const peer = await stalled(world, messages[0]!.id);
  world.log.failure = new OperationalError("log_unavailable", "disk is gone");
  peer.socket.drain();
  await world.clock.advance(100);
  assert.equal(peer.closeCode, 1011);
  assert.equal(other.connection.phase, "ready");
  assert.equal(await world.metrics.value("gateway_bugs_total"), 0);
  assert.deepEqual(world.logger.messages("warn"), ["replay failed"]);
  world.log.failure = undefined;
  const back = await world.ready({ lastId: String(peer.received.at(-1)) });
  assert.deepEqual([...peer.received, ...back.received], idsOf(messages.slice(1)));
});

Deno.test("A log that fails before Ready gives 1011, a log with a bug is counted as one", async () => {
  for (
    const [failure, bugs] of [
      [new OperationalError("log_unavailable", "disk is gone"), 0],
      [new TypeError("undefined is not a function"), 1],
    ] as const
  ) {
    const world = new World();
    const [seen] = await world.publish({}, {});
    world.log.failure = failure;
    const peer = world.connect();
    peer.identify({ lastId: seen!.id });
    await settle();
    assert.equal(peer.closeCode, 1011);
    assert.equal(await world.metrics.value("gateway_bugs_total"), bugs);
    assert.equal(peer.frames(Op.Ready).length, 0);
    // A client that missed nothing needs no log to start.
    assert.equal((await world.ready()).connection.phase, "ready");
    await world.clock.advance(NUMBERS.closeGraceMs);
    assert.equal(world.gateway.connections.size, 1);
  }
});

Deno.test("A bug of the log in the middle of a replay closes that connection and is counted", async () => {
  const world = new World();
  const messages = await world.publishMany(1000);
  const peer = await stalled(world, messages[0]!.id);
  world.log.failure = new TypeError("undefined is not a function");
  peer.socket.drain();
  await world.clock.advance(100);
  assert.equal(peer.closeCode, 1011);
  assert.equal(await world.metrics.value("gateway_bugs_total"), 1);
  assert.equal(world.gateway.tables["members"], 0);
});

Deno.test("A replay takes part in heartbeats: they go out and are acknowledged meanwhile", async () => {
  const world = new World();
  const messages = await world.publishMany(1000, { content: "x".repeat(500) });
  const peer = await stalled(world, messages[0]!.id);
  await world.clock.advance(NUMBERS.heartbeatIntervalMs);
  peer.socket.drain();
  await world.clock.advance(1000);
  peer.acknowledge();
  await world.clock.advance(NUMBERS.heartbeatIntervalMs);
  assert.equal(peer.connection.phase, "ready");
  assert.deepEqual(peer.received, idsOf(messages.slice(1)));
});
