/**
 * The gateway finds fake timers by the mark that they leave on `setTimeout`. The matrix has those of vitest and jest.
 *
 * @module
 */

import assert from "node:assert/strict";
import { createMockGateway, FakeClock, Replay } from "../../mock/mod.ts";

/** Turns fake timers on: those of `clock`, with the interface of `@sinonjs/fake-timers`. */
function useFakeTimers(clock: FakeClock): Disposable {
  const fake = {
    get now() {
      return clock.now();
    },
    next: () => clock.fireNext(),
    setTimeout: (callback: () => void, ms: number) => clock.setTimer(ms, callback),
    clearTimeout: (timer: { cancel(): void }) => timer.cancel(),
  };
  Object.assign(setTimeout, { clock: fake });
  return { [Symbol.dispose]: () => void Reflect.deleteProperty(setTimeout, "clock") };
}

Deno.test("fake timers that are on give the gateway its time, and move with it", async () => {
  const clock = new FakeClock({ startMs: 2_000_000_000_000 });
  using _timers = useFakeTimers(clock);
  await using gateway = await createMockGateway();
  assert.equal(gateway.clock.now(), 2_000_000_000_000);
  const fired: [number, number][] = [];
  for (const ms of [0, 10, 10, 25]) {
    clock.setTimer(ms, () => fired.push([ms, clock.now() - 2_000_000_000_000]));
  }
  gateway.clock.setTimer(20, () => fired.push([-20, gateway.clock.elapsedMs]));
  await gateway.settled();
  assert.deepEqual(fired.splice(0), [[0, 0]]);
  await gateway.advance(30);
  assert.deepEqual(fired, [[10, 10], [10, 10], [-20, 20], [25, 25]]);
  assert.equal(clock.now(), gateway.clock.now());
  assert.equal(clock.pending, 0);
});

Deno.test("fake timers move from when they are turned on, until they are turned off", async () => {
  await using gateway = await createMockGateway();
  const clock = new FakeClock({ startMs: 0 });
  await gateway.advance(10);
  {
    using _timers = useFakeTimers(clock);
    await gateway.advance(20);
  }
  await gateway.advance(40);
  assert.deepEqual([clock.now(), gateway.clock.elapsedMs], [20, 70]);
});

Deno.test("fake timers move in step with a replay", async () => {
  const at = 1_800_000_000_000;
  const connection = (from: number) => [
    { at: from, event: "received", frame: { op: 0, heartbeat_interval: 45_000 } },
    { at: from, event: "sent", frame: { op: 1 } },
    { at: from, event: "received", frame: { op: 2, user: "alice", last_id: "a" } },
    { at: from + 10_000, event: "disconnect", code: 1006 },
  ];
  const clock = new FakeClock({ startMs: 5 });
  using _timers = useFakeTimers(clock);
  const replay = new Replay([...connection(at), ...connection(at + 11_000)]);
  const connect = (again: () => void, last_id?: string): void => {
    const socket = new replay.WebSocket(replay.wsUrl);
    socket.onmessage = ({ data }) => {
      if (JSON.parse(data).op === 0) socket.send(JSON.stringify({ op: 1, token: "any", last_id }));
    };
    socket.onclose = () => clock.setTimer(2000, again);
  };
  connect(() => connect(() => connect(() => {}), "a"));
  const { broken, transcript } = await replay.run();
  assert.equal(broken, undefined);
  const opened = transcript.filter(({ event }) => event === "opened").map((entry) => entry.at - at);
  assert.deepEqual(opened, [0, 12_000]);
  assert.equal(clock.now() - 5, replay.clock.elapsedMs);
});
