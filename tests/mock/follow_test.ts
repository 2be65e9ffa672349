/**
 * A clock that follows virtual time: both stop where either has something due.
 *
 * @module
 */

import assert from "node:assert/strict";
import { GatewayClient } from "../../client/mod.ts";
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

Deno.test("follow() gives a client that reconnects at its own time a token and a session of that time", async () => {
  await using gateway = await createMockGateway();
  const own = new FakeClock({ startMs: 5 });
  gateway.clock.follow((maxMs) => move(own, maxMs));
  const seen: string[] = [];
  await using client = new GatewayClient({
    url: gateway.wsUrl,
    WebSocket: gateway.WebSocket,
    clock: own,
    random: () => 0.5,
    getToken: async ({ reason }) => {
      const token = await gateway.token({ expiresInS: 100 });
      seen.push(
        `${own.now() - 5}: ${reason}, to ${JSON.parse(atob(token.split(".")[1] ?? "")).exp}`,
      );
      return token;
    },
  });
  client.on("ready", () => seen.push(`${own.now() - 5}: ready`));
  client.on("disconnect", () => seen.push(`${own.now() - 5}: disconnect`));
  await gateway.freeze();
  // It is away from two heartbeats on, for half of the longest first delay.
  await gateway.advance(90_000 + 250);
  assert.deepEqual(seen, [
    "0: start, to 1700000100",
    "0: ready",
    "80000: expiring, to 1700000180",
    "90000: disconnect",
    "90250: ready",
  ]);
  const opened = gateway.transcript.filter(({ event }) => event === "opened");
  assert.deepEqual(opened.map(({ at }) => at - gateway.clock.startMs), [0, 90_250]);
});

Deno.test("follow() waits until the client is at rest, before time moves and without", async () => {
  await using gateway = await createMockGateway();
  const own = new FakeClock();
  const fired: number[] = [];
  own.setTimer(0, () => {
    fired.push(1);
    own.setTimer(0, () => fired.push(2));
  });
  gateway.clock.follow((maxMs) => move(own, maxMs), () => own.fireNext(own.steady()));
  await gateway.settled();
  assert.deepEqual(fired, [1, 2]);
  assert.equal(own.pending, 0);
});

Deno.test("follow() takes a part of a millisecond for a whole one", async () => {
  await using gateway = await createMockGateway();
  const asked: number[] = [];
  gateway.clock.follow((maxMs) => {
    asked.push(maxMs);
    return maxMs;
  });
  let firedMs = NaN;
  gateway.clock.setTimer(0.5, () => firedMs = gateway.clock.elapsedMs);
  await gateway.advance(2);
  assert.deepEqual([firedMs, gateway.clock.elapsedMs], [1, 2]);
  assert.deepEqual(asked, [1, 1]);
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
