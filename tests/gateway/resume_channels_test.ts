/**
 * Resuming while the app or a new token changes the user's channels: the client receives what is allowed, and
 * can resume from the position of every Ready.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Op } from "../../gateway/protocol/mod.ts";
import { settle } from "../../mock/doubles/clock.ts";
import { FakeSocket } from "../../mock/doubles/socket.ts";
import { idsOf, World, type WorldOptions } from "./support/world.ts";

/** The moments of a replay at which a test interferes. */
const MOMENTS = [
  "first page waits for the peer",
  "second page is being read",
  "last page waits for the peer",
] as const;
type Moment = typeof MOMENTS[number];

/** A replay over `channels` of messages to a, b and everyone in turn, held at `moment`. */
async function held(moment: Moment, channels: readonly string[], options: WorldOptions = {}) {
  const world = new World(options);
  const [seen] = await world.publish({});
  const count = moment === "last page waits for the peer" ? 120 : 600;
  const drafts = Array.from(
    { length: count },
    (_, i) => [{ channel: "a" }, { channel: "b" }, {}][i % 3]!,
  );
  const missed = await world.publish(...drafts);
  const socket = new FakeSocket();
  socket.stall();
  const peer = await world.ready({ channels, lastId: seen!.id }, socket);
  if (moment === "second page is being read") {
    world.log.holding = true;
    socket.drain();
    await world.clock.advance(100);
    assert.equal(world.log.held, 1);
  }
  const goOn = async () => {
    world.log.holding = false;
    world.log.release();
    socket.drain();
    await world.clock.advance(1000);
  };
  return { world, peer, missed, seen: seen!, goOn };
}

for (const moment of MOMENTS) {
  Deno.test(`A channel left while the ${moment} gives nothing more, the rest all`, async () => {
    const { world, peer, missed, goOn } = await held(moment, ["a", "b"]);
    const before = peer.received.length;
    const waiting = await world.publish({ channel: "a" }, { channel: "b" }, {});
    void world.gateway.execute({ do: "leave", user: "alice", channel: "b" });
    const after = await world.publish({ channel: "a" }, { channel: "b" }, {});
    await goOn();
    assert.ok(before > 0);
    const rest = [...missed.slice(before), ...waiting, ...after].filter((m) => m.channel !== "b");
    assert.deepEqual(peer.received.slice(before), idsOf(rest));
    assert.deepEqual(world.gateway.presence(["alice"])[0]?.channels, ["a"]);
  });

  Deno.test(`A channel joined while the ${moment} gives what is published from then on`, async () => {
    const { world, peer, missed, goOn } = await held(moment, ["a"]);
    const waiting = await world.publish({ channel: "b" }, { channel: "a" });
    void world.gateway.execute({ do: "join", user: "alice", channel: "b" });
    const after = await world.publish({ channel: "b" }, {}, { channel: "b" });
    await goOn();
    const live = await world.publish({ channel: "b" });
    const old = missed.filter(({ channel }) => channel !== "b");
    assert.deepEqual(peer.received, idsOf([...old, waiting[1]!, ...after, ...live]));
  });

  Deno.test(`A channel left and joined again while the ${moment} begins at the second join`, async () => {
    const { world, peer, missed, goOn } = await held(moment, ["a", "b"]);
    const before = peer.received.length;
    void world.gateway.execute({ do: "leave", user: "alice", channel: "b" });
    await world.publish({ channel: "b" });
    void world.gateway.execute({ do: "join", user: "alice", channel: "b" });
    const after = await world.publish({ channel: "b" }, { channel: "a" });
    await goOn();
    const old = missed.slice(before).filter(({ channel }) => channel !== "b");
    assert.deepEqual(peer.received.slice(before), idsOf([...old, ...after]));
  });

  Deno.test(`A renewal while the ${moment} says how far the replay is, which goes on`, async () => {
    const { world, peer, missed, goOn } = await held(moment, ["a", "b"]);
    const before = peer.received.length;
    const waiting = await world.publish({ channel: "a" }, { channel: "b" }, { channel: "c" });
    peer.identify({ channels: ["a", "c"] });
    await settle();
    const after = await world.publish({ channel: "a" }, { channel: "b" }, { channel: "c" });
    await goOn();
    assert.equal(peer.frames(Op.Ready).length, 2);
    // Everything up to there was sent, and nothing after it.
    assert.deepEqual(peer.ready, {
      ...{ op: Op.Ready, user: "alice", last_id: missed[before - 1]!.id },
    });
    const old = missed.slice(before).filter(({ channel }) => channel !== "b");
    const expected = [...old, waiting[0]!, after[0]!, after[2]!];
    assert.deepEqual(peer.received.slice(before), idsOf(expected));
    assert.deepEqual(world.gateway.presence(["alice"])[0]?.channels, ["a", "c"]);
  });

  Deno.test(`A client that drops while the ${moment}, after a renewal, loses nothing`, async () => {
    const { world, peer, missed } = await held(moment, ["a", "b"]);
    peer.identify({ channels: ["a", "b"] });
    await settle();
    const lastId = String(peer.ready["last_id"]);
    assert.equal(lastId, String(peer.received.at(-1)));
    peer.socket.peerClosed();
    world.log.holding = false;
    const back = await world.ready({ channels: ["a", "b"], lastId });
    await world.clock.advance(1000);
    assert.deepEqual([...peer.received, ...back.received], idsOf(missed));
  });
}

/** A gateway whose fan-out is behind its log until the clock advances. */
async function lagging() {
  const world = new World({ turnDeliveries: 3 });
  await world.ready({ user: "bulk" });
  const [seen] = await world.publish({});
  await world.publishMany(4, { user: "bulk", content: "x".repeat(100_000) });
  return { world, seen: seen! };
}

Deno.test("A renewal when the replay is ahead of the fan-out says the last id that was delivered", async () => {
  const { world, seen } = await lagging();
  const missed = await world.publish({ channel: "a" }, {});
  const peer = await world.ready({ channels: ["a"], lastId: seen.id });
  assert.deepEqual(peer.received, idsOf(missed));
  peer.identify({ channels: ["a"] });
  await settle();
  assert.equal(peer.ready["last_id"], missed[1]!.id);
  await world.clock.advance(10);
  const live = await world.publish({ channel: "a" });
  assert.deepEqual(peer.received, idsOf([...missed, ...live]));
  peer.identify({ channels: ["a"] });
  await settle();
  assert.equal(peer.ready["last_id"], live[0]!.id);
});

Deno.test("A renewal in the middle of a run is answered after the messages that its Ready counts in", async () => {
  const world = new World({ turnDeliveries: 1 });
  await world.ready({ user: "first", channels: ["a"] });
  const peer = await world.ready({ channels: ["a"] });
  const [message] = await world.publish({ channel: "a" });
  assert.deepEqual(peer.received, [], "the turn was over before it was served");
  peer.identify({ channels: ["a"] });
  await settle();
  await world.clock.advance(0);
  const frames = peer.socket.sent.slice(-2).map((text) => JSON.parse(text));
  assert.deepEqual(frames.map(({ op }) => op), [Op.Message, Op.Ready]);
  assert.deepEqual([frames[0].id, frames[1].last_id], [message!.id, message!.id]);
});

Deno.test("A replay that is ahead of the fan-out repeats nothing when that comes", async () => {
  const { world, seen } = await lagging();
  const missed = await world.publish({}, { user: "alice" });
  const peer = await world.ready({ lastId: seen.id });
  const live = await world.publish({}, {});
  assert.deepEqual(peer.received, idsOf(missed));
  await world.clock.advance(10);
  assert.deepEqual(peer.received, idsOf([...missed, ...live]));
});

Deno.test("A client that is ahead of the fan-out itself resumes without a repetition", async () => {
  const { world } = await lagging();
  const published = await world.publish({}, {});
  const peer = await world.ready({ lastId: published[1]!.id });
  assert.equal(peer.ready["resumed"], true);
  await world.clock.advance(10);
  const live = await world.publish({});
  assert.deepEqual(peer.received, idsOf(live));
});

Deno.test("A channel joined while the replay is ahead of the fan-out gives what is published from then on", async () => {
  for (const stall of [true, false]) {
    const { world, seen } = await lagging();
    await world.publish({ channel: "a" }, {});
    const socket = new FakeSocket();
    if (stall) socket.stall();
    const peer = await world.ready({ lastId: seen.id }, socket);
    void world.gateway.execute({ do: "join", user: "alice", channel: "a" });
    const after = await world.publish({ channel: "a" }, { channel: "a" }, {});
    socket.drain();
    await world.clock.advance(1000);
    assert.deepEqual(peer.received.slice(-3), idsOf(after));
    const sequences = peer.received.map((id) => Number(String(id).split("-")[1]));
    assert.deepEqual(sequences, [...new Set(sequences)].sort((a, b) => a - b));
  }
});

Deno.test("Commands hold from their place in the log on, when the fan-out yields behind it", async () => {
  const { world } = await lagging();
  const peer = await world.ready({ channels: ["a", "c"] });
  const counts: number[] = [];
  const done = (count: number) => counts.push(count);
  const before = await world.publish({ channel: "a" }, { channel: "b" }, { channel: "c" });
  void world.gateway.execute({ do: "join", user: "alice", channel: "b" }).then(done);
  void world.gateway.execute({ do: "leave", user: "alice", channel: "a" }).then(done);
  const after = await world.publish({ channel: "a" }, { channel: "b" }, { channel: "c" });
  void world.gateway.execute({ do: "disconnect", user: "alice" }).then(done);
  await world.publish({ channel: "b" });
  assert.deepEqual([peer.received, counts], [[], []]);
  await world.clock.advance(10);
  assert.deepEqual(peer.received, idsOf([before[0]!, before[2]!, after[1]!, after[2]!]));
  assert.deepEqual(counts, [0, 0, 1]);
  assert.equal(peer.closeCode, 4010);
});

Deno.test("Commands hold from their place in the log on, when a replay has just gone live", async () => {
  for (const stall of [true, false]) {
    const { world, seen } = await lagging();
    const missed = await world.publish({ channel: "a" }, { channel: "b" }, {});
    const socket = new FakeSocket();
    if (stall) socket.stall();
    const peer = await world.ready({ channels: ["a"], lastId: seen.id }, socket);
    void world.gateway.execute({ do: "leave", user: "alice", channel: "a" });
    void world.gateway.execute({ do: "join", user: "alice", channel: "b" });
    const first = await world.publish({ channel: "a" }, { channel: "b" });
    void world.gateway.execute({ do: "join", user: "alice", channel: "a" });
    void world.gateway.execute({ do: "leave", user: "alice", channel: "b" });
    const second = await world.publish({ channel: "a" }, { channel: "b" }, {});
    socket.drain();
    await world.clock.advance(1000);
    const after = [first[1]!, second[0]!, second[2]!];
    assert.deepEqual(peer.received, idsOf([missed[0]!, missed[2]!, ...after]));
  }
});

Deno.test("Commands hold from their place in the log on, when a replay overtakes the fan-out", async () => {
  const { world, peer, missed, goOn } = await held("second page is being read", ["a", "b"], {
    turnDeliveries: 3,
  });
  const before = peer.received.length;
  await world.ready({ user: "bulk" });
  await world.publishMany(4, { user: "bulk", content: "x".repeat(100_000) });
  await world.publish({ channel: "c" });
  void world.gateway.execute({ do: "leave", user: "alice", channel: "a" });
  void world.gateway.execute({ do: "join", user: "alice", channel: "c" });
  const after = await world.publish({ channel: "a" }, { channel: "c" }, { channel: "b" });
  world.log.holding = false;
  world.log.release();
  await settle();
  const rest = missed.slice(before).filter(({ channel }) => channel !== "a");
  const replayed = [...rest, after[1]!, after[2]!];
  assert.deepEqual(peer.received.slice(before), idsOf(replayed));
  assert.deepEqual(
    world.gateway.presence(["alice"])[0]?.channels,
    ["a", "b"],
    "the hub is not there yet",
  );
  await goOn();
  assert.deepEqual(world.gateway.presence(["alice"])[0]?.channels, ["b", "c"]);
  const live = await world.publish({ channel: "a" }, { channel: "c" });
  assert.deepEqual(peer.received.slice(before), idsOf([...replayed, live[1]!]));
});

for (const moment of MOMENTS) {
  Deno.test(`A renewal between commands and the fan-out, while the ${moment}, undoes none of them`, async () => {
    const { world, peer, missed, goOn } = await held(moment, ["a", "b"], { turnDeliveries: 3 });
    const before = peer.received.length;
    await world.ready({ user: "bulk" });
    await world.publishMany(4, { user: "bulk", content: "x".repeat(100_000) });
    void world.gateway.execute({ do: "leave", user: "alice", channel: "a" });
    void world.gateway.execute({ do: "join", user: "alice", channel: "c" });
    // This token was issued before the commands.
    peer.identify({ channels: ["a", "b"] });
    await settle();
    assert.equal(peer.frames(Op.Ready).length, 2);
    const after = await world.publish({ channel: "a" }, { channel: "b" }, { channel: "c" });
    await goOn();
    assert.deepEqual(world.gateway.presence(["alice"])[0]?.channels, ["b", "c"]);
    const live = await world.publish({ channel: "a" }, { channel: "b" }, { channel: "c" });
    const rest = [...missed.slice(before), ...after, ...live].filter((m) => m.channel !== "a");
    assert.deepEqual(peer.received.slice(before), idsOf(rest));
  });
}
