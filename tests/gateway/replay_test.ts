/**
 * The replay by itself: what it asks the log, how far it says it is, and how it ends.
 *
 * @module
 */

import assert from "node:assert/strict";
import { encodeRun } from "../../gateway/session/encode.ts";
import { createMemoryLog } from "../../gateway/log/memory.ts";
import type { Draft, Position } from "../../gateway/ports.ts";
import { Replay } from "../../gateway/session/replay.ts";
import { FakeClock, settle } from "../../mock/doubles/clock.ts";
import { FakeIds } from "../../mock/doubles/ids.ts";
import { FakeLogger } from "../../mock/doubles/logger.ts";
import { type Deferred, FaultyLog } from "./support/fakes.ts";

/** A replay whose target is the test. `position` is the log's head unless a test holds it back. */
function setUp({ maxBufferedBytes = 1024 * 1024, channels = ["a"] } = {}) {
  const logger = new FakeLogger();
  const log = new FaultyLog(
    createMemoryLog({ clock: new FakeClock(), ids: new FakeIds(), logger }),
  );
  const sent: number[] = [];
  const waits: Deferred<void>[] = [];
  const state = {
    position: undefined as Position | undefined,
    live: undefined as Position | undefined,
    room: Infinity,
  };
  const replay = new Replay({
    ...{ log, user: "ann", channels, maxBufferedBytes, lastId: log.head().id },
    target: {
      send: ({ messages }) => {
        if (sent.length >= state.room) return false;
        sent.push(...messages.map(({ sequence }) => sequence));
        return true;
      },
      flushed: () => {
        const deferred = Promise.withResolvers<void>();
        waits.push(deferred);
        return deferred.promise;
      },
      position: () => state.position ?? log.head(),
      live: (position) => (state.live = position),
    },
  });
  const publish = (...drafts: readonly Partial<Draft>[]) =>
    log.publish(drafts.map((draft) => ({ author: "app", content: null, ...draft })));
  /** The peer has taken everything. */
  const drain = async () => {
    waits.shift()?.resolve();
    await settle();
  };
  return { log, sent, waits, state, replay, publish, drain };
}

Deno.test("Replay reads pages of 250 messages or a quarter of the bound, each from where the last ended", async () => {
  const { log, sent, waits, replay, publish, drain } = setUp({ maxBufferedBytes: 100_000 });
  await publish(...Array.from({ length: 600 }, () => ({})));
  assert.equal(await replay.begin(), true);
  assert.deepEqual([replay.running, sent], [false, []]);
  const outcome = replay.run();
  assert.equal(replay.running, true);
  const lengths: number[] = [];
  for (let before = 0; waits.length > 0; before = sent.length, await drain()) {
    lengths.push(sent.length - before);
    assert.equal(replay.cursorId, `id0-${sent.length}`);
  }
  assert.equal(await outcome, "live");
  assert.deepEqual(sent, Array.from({ length: 600 }, (_, i) => i + 1));
  assert.ok(lengths.every((length) => length <= 250), lengths.join());
  assert.deepEqual(log.queries[0], {
    after: "id0-0",
    audience: { everyone: true, user: "ann", channels: ["a"] },
    limit: 250,
    maxBytes: 25_000,
  });
  assert.equal(log.queries.length, lengths.length);
});

Deno.test("Replay goes live with what was set aside, and says up to where everything is sent", async () => {
  const { state, sent, replay, publish, drain, log } = setUp();
  await publish({}, {});
  await replay.begin();
  const outcome = replay.run();
  const live = await publish({}, {}, { channel: "z" });
  for (const message of live.slice(0, 2)) replay.offer(encodeRun([message]));
  assert.equal(state.live, undefined);
  await drain();
  assert.equal(await outcome, "live");
  assert.deepEqual(sent, [1, 2, 3, 4]);
  assert.deepEqual(state.live, { id: "id0-4", sequence: 4 });
  assert.equal(log.queries.length, 1);
  assert.equal(replay.cursorId, "id0-4");
});

Deno.test("Replay does not send what is set aside if the page had it, when it is ahead of the fan-out", async () => {
  const { state, sent, replay, publish, drain } = setUp();
  const [first, second] = await publish({}, {});
  state.position = { id: first!.id, sequence: 1 };
  await replay.begin();
  const outcome = replay.run();
  replay.offer(encodeRun([second!]));
  await drain();
  assert.equal(await outcome, "live");
  assert.deepEqual(sent, [1, 2]);
  assert.deepEqual(state.live, { id: second!.id, sequence: 2 });
});

Deno.test("Replay reads again what was fanned out between its first page and its beginning", async () => {
  const { sent, replay, publish, drain, log } = setUp();
  await publish({});
  await replay.begin();
  // Fanned out already, and to somebody who is not a member yet.
  await publish({}, {});
  const outcome = replay.run();
  await drain();
  assert.deepEqual(sent, [1, 2, 3]);
  await drain();
  assert.equal(await outcome, "live");
  assert.equal(log.queries.length, 2);
});

Deno.test("Replay.begin() says false for an id from which not everything is kept", async () => {
  const { replay, log } = setUp();
  log.read = () => Promise.resolve("expired");
  assert.equal(await replay.begin(), false);
});

Deno.test("Replay ends as stopped when the peer takes no more, or when it is told to", async () => {
  const refused = setUp();
  await refused.publish({}, {}, {});
  await refused.replay.begin();
  refused.state.room = 2;
  assert.equal(await refused.replay.run(), "stopped");
  assert.deepEqual(refused.sent, [1, 2]);

  const aside = setUp();
  const [, second] = await aside.publish({}, {});
  await aside.replay.begin();
  const outcome = aside.replay.run();
  const [third] = await aside.publish({});
  aside.replay.offer(encodeRun([third!]));
  aside.state.room = 2;
  await aside.drain();
  assert.equal(await outcome, "stopped");
  assert.equal(aside.sent.at(-1), second!.sequence);
  assert.equal(aside.state.live, undefined);

  const stopped = setUp();
  await stopped.publish({});
  await stopped.replay.begin();
  const ended = stopped.replay.run();
  stopped.replay.stop();
  await stopped.drain();
  assert.equal(await ended, "stopped");
  assert.equal(stopped.state.live, undefined);
});

Deno.test("Replay ends as expired when retention overtakes it, and rejects when the log does", async () => {
  for (const how of ["expired", "rejects"]) {
    const { replay, publish, drain, log } = setUp();
    await publish(...Array.from({ length: 300 }, () => ({})));
    await replay.begin();
    const outcome = replay.run();
    if (how === "expired") log.read = () => Promise.resolve("expired");
    else log.failure = new Error("away");
    const settled = how === "expired"
      ? outcome.then((end) => assert.equal(end, "expired"))
      : assert.rejects(outcome, /away/);
    await drain();
    await settled;
  }
});
