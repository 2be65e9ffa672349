/**
 * A clock that follows virtual time: both stop where either has something due.
 *
 * @module
 */

import assert from "node:assert/strict";
import { createMockGateway, FakeClock } from "../../mock/mod.ts";
import { Player } from "./support/player.ts";

const INTERVAL_MS = 45_000;

/** Moves `clock` to its next timer, by at most `maxMs`. */
async function move(clock: FakeClock, maxMs: number): Promise<number> {
  const due = clock.nextDue() ?? Infinity;
  const movedMs = Math.min(maxMs, Math.max(1, due - clock.steady()));
  await clock.advance(movedMs);
  return movedMs;
}

Deno.test("follow() stops at the timers of both clocks, in order, and both show the same time", async () => {
  await using gateway = await createMockGateway();
  const { clock } = gateway;
  const own = new FakeClock();
  const seen: [string, number, number][] = [];
  const note = (whose: string) => () =>
    seen.push([whose, clock.elapsedMs, own.now() - clock.startMs]);
  clock.setTimer(100, note("gateway"));
  clock.setTimer(300, note("gateway"));
  own.setTimer(200, note("client"));
  const asked: number[] = [];
  clock.follow((maxMs) => {
    asked.push(maxMs);
    return move(own, maxMs);
  });
  await gateway.advance(400);
  assert.deepEqual(seen, [["gateway", 100, 100], ["client", 100, 200], ["gateway", 300, 300]]);
  assert.deepEqual(asked, [100, 200, 100, 100]);
  assert.deepEqual([clock.elapsedMs, own.now() - clock.startMs], [400, 400]);
  clock.follow(undefined);
  await gateway.advance(100);
  assert.equal(own.now() - clock.startMs, 400);
});

Deno.test("follow() lets what a client does at its time arrive at that time", async () => {
  await using gateway = await createMockGateway();
  const player = await Player.ready(gateway);
  const own = new FakeClock();
  const answers: unknown[] = [];
  own.setTimer(20_000, () => {
    player.send({ op: 10, time: 1 });
    void gateway.fetch("/health").then(() => answers.push(gateway.clock.elapsedMs));
  });
  gateway.clock.follow((maxMs) => move(own, maxMs));
  await gateway.advance(INTERVAL_MS);
  const beat = gateway.transcript.findLast(({ event }) => event === "received");
  assert.equal(player.of(11)[0]?.atMs, 20_000);
  assert.deepEqual(answers, [20_000]);
  assert.equal(player.of(10)[0]?.atMs, INTERVAL_MS);
  assert.equal(beat && beat.at - gateway.clock.startMs, INTERVAL_MS);
});

Deno.test("follow() fails the advance when the follower moves too far, or not at all", async () => {
  await using gateway = await createMockGateway();
  const player = await Player.ready(gateway);
  for (const movedMs of [0, 11, NaN]) {
    gateway.clock.follow(() => movedMs);
    await assert.rejects(gateway.advance(10), RangeError);
    player.send({ op: 10, time: 1 });
  }
  gateway.clock.follow(undefined);
  await gateway.advance(10);
  assert.equal(gateway.clock.elapsedMs, 10);
  assert.equal(player.of(11).length, 3);
});
