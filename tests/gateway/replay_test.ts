/**
 * The switch from the replay to live messages: what was buffered is sent once, and only while the peer reads.
 * `resume_test.ts` and the files beside it test the rest of a replay.
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

/** A replay whose target is the test. `position` is the head of the log unless a test delays it. */
function setUp() {
  const world = { clock: new FakeClock(), ids: new FakeIds(), logger: new FakeLogger() };
  const log = new FaultyLog(createMemoryLog(world));
  const sent: number[] = [];
  const waits: Deferred<void>[] = [];
  const state = {
    position: undefined as Position | undefined,
    live: undefined as Position | undefined,
    room: Infinity,
  };
  const replay = new Replay({
    ...{ log, user: "ann", channels: ["a"], maxBufferedBytes: 1024 * 1024, lastId: log.head().id },
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
  /** Tells the replay that the peer has read everything. */
  const drain = async () => {
    waits.shift()?.resolve();
    await settle();
  };
  return { log, sent, state, replay, publish, drain };
}

Deno.test("Replay goes live with what was buffered, and says up to where everything is sent", async () => {
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

Deno.test("Replay does not send what is buffered if the page had it, when it is ahead of the fan-out", async () => {
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

Deno.test("Replay ends as stopped when the peer takes no more of a page, or of what was buffered", async () => {
  for (const room of [1, 2]) {
    const { state, sent, replay, publish, drain } = setUp();
    state.room = room;
    await publish({}, {});
    await replay.begin();
    const outcome = replay.run();
    const [third] = await publish({});
    if (room === 2) replay.offer(encodeRun([third!]));
    await drain();
    assert.equal(await outcome, "stopped");
    assert.deepEqual([sent, state.live], [[1, 2].slice(0, room), undefined]);
  }
});
