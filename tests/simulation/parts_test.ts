/**
 * Tests parts of simulated worlds: randomness, pipes, devices, disk and history.
 *
 * @module
 */

import assert from "node:assert/strict";
import { FakeClock, settle } from "../../mock/doubles/clock.ts";
import { Device } from "../../simulation/device.ts";
import { SimulatedDisk, SimulatedStore } from "../../simulation/disk.ts";
import { History } from "../../simulation/history.ts";
import { type Packet, Pipe } from "../../simulation/pipe.ts";
import { Random } from "../../simulation/mod.ts";

const ROW = { topic: "everyone", body: '["a",{"n":1,"pad":""}]' };

Deno.test("Random gives the same numbers for the same name", () => {
  const draw = (name: string): number[] => {
    const random = new Random(name);
    return Array.from({ length: 50 }, () => random.int(0, 1e9));
  };
  assert.deepEqual(draw("a"), draw("a"));
  assert.notDeepEqual(draw("a"), draw("b"));
});

Deno.test("Random.fork() is not shifted by what the stream above it draws", () => {
  const one = new Random("seed");
  const other = new Random("seed");
  other.unit();
  assert.equal(one.fork("x").unit(), other.fork("x").unit());
  assert.notEqual(one.fork("x").unit(), one.fork("y").unit());
});

Deno.test("Random draws evenly, and waits for the given time on average", () => {
  const random = new Random("even");
  const counts = Array.from({ length: 10 }, () => 0);
  let waited = 0;
  for (let draw = 0; draw < 20_000; draw++) {
    const bucket = random.int(0, 9);
    counts[bucket] = (counts[bucket] ?? 0) + 1;
    waited += random.wait(1000);
  }
  for (const count of counts) assert.ok(Math.abs(count - 2000) < 200, counts.join());
  assert.ok(Math.abs(waited / 20_000 - 1000) < 40, String(waited / 20_000));
});

Deno.test("Pipe hands over everything once and in order, whatever stands still", async () => {
  const clock = new FakeClock();
  const random = new Random("pipe");
  const arrived: Packet[] = [];
  const pipe = new Pipe({
    clock,
    random,
    weather: { latencyMs: 20, spikes: true },
    deliver: (parcel) => arrived.push(parcel),
  });
  const sent = Array.from({ length: 2000 }, (_, index) => String(index));
  for (const text of sent) {
    pipe.push(text, text.length);
    if (random.chance(0.02)) {
      pipe.pause();
      clock.setTimer(random.int(1, 500), () => pipe.resume());
    }
    await clock.advance(random.int(0, 20));
  }
  await clock.advance(60_000);
  assert.deepEqual(arrived, sent);
});

Deno.test("Pipe.kill() lets nothing arrive any more", async () => {
  const clock = new FakeClock();
  const arrived: Packet[] = [];
  const weather = { latencyMs: 20, spikes: false };
  const deliver = (parcel: Packet): void => void arrived.push(parcel);
  const pipe = new Pipe({ clock, random: new Random("pipe"), weather, deliver });
  pipe.push("lost", 100_000);
  pipe.kill();
  await clock.advance(3_600_000);
  assert.deepEqual(arrived, []);
  assert.ok(pipe.backedUpBytes > 0);
});

for (const stands of [false, true]) {
  Deno.test(`Device keeps timers through a sleep in which its clock ${stands ? "stands" : "goes on"}`, async () => {
    const clock = new FakeClock();
    const device = new Device(clock);
    const began = device.steady();
    const fired: number[] = [];
    const note = (): void => void fired.push(device.steady() - began);
    device.setTimer(10, note);
    device.setTimer(50, note);
    device.setTimer(500, note);
    device.setTimer(60, note).cancel();
    await clock.advance(20);
    device.sleep({ stands });
    await clock.advance(100);
    assert.equal(device.asleep, true);
    assert.deepEqual(fired, [10]);
    device.wake();
    await clock.advance(1000);
    assert.deepEqual(fired, stands ? [10, 50, 500] : [10, 120, 500]);
    assert.equal(clock.pending, 0);
  });
}

Deno.test("SimulatedDisk keeps what was committed, and nothing of what a dead process had begun", async () => {
  const clock = new FakeClock();
  const disk = new SimulatedDisk({ retentionMs: 1e9, retentionRows: 1e9 });
  const start = (name: string): SimulatedStore => {
    return new SimulatedStore({ disk, clock, random: new Random(name), markDirty: () => {} });
  };
  const first = start("first");
  const now = { wall: clock.now(), steady: clock.steady() };
  const answered = first.append([{ rows: [ROW, ROW], once: undefined }], now);
  await clock.advance(100);
  assert.deepEqual((await answered).outcomes, [
    { kind: "stored", first: 1, count: 2, time: clock.now() - 100 },
  ]);
  let answers = 0;
  void first.append([{ rows: [ROW], once: undefined }], now).then(() => answers++);
  first.die();
  await clock.advance(100);
  await settle();
  assert.equal(answers, 0);
  const opened = start("second").open();
  await clock.advance(100);
  assert.equal((await opened).head, 2);
});

Deno.test("History.recovered() reports a position that has another message than was sent", () => {
  const disk = new SimulatedDisk({ retentionMs: 1e9, retentionRows: 1e9 });
  const broken: string[] = [];
  const history = new History(disk, (rule) => {
    broken.push(rule);
    throw new Error(rule);
  });
  const [sent, stored] = [1, 2].map((n) => ({ author: "bob", content: { n, pad: "" } }));
  assert.ok(sent !== undefined && stored !== undefined);
  history.submitted(sent);
  history.submitted(stored);
  const body = JSON.stringify([stored.author, stored.content]);
  const row = { sequence: 1, topic: "everyone", body, time: 5, stamp: 5 };
  disk.commit({ rows: [row], keys: [] });
  history.notify({ ...sent, id: "e1-1", sequence: 1, time: 5 });
  assert.throws(() => history.recovered(disk.rows));
  assert.deepEqual(broken, ["accepted messages survive a crash"]);
});
