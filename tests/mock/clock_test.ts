/**
 * The fake clock: the order of timers, promises that settle between them, and its two scales.
 *
 * @module
 */

import assert from "node:assert/strict";
import { FakeClock, settle } from "../../mock/doubles/clock.ts";

const START_MS = 1_700_000_000_000;

/** Records labels with the milliseconds since the start. */
function notes(clock: FakeClock): { noted: string[]; note(label: string): () => void } {
  const noted: string[] = [];
  return {
    noted,
    note: (label) => () => void noted.push(`${label}@${clock.steady() - START_MS}`),
  };
}

Deno.test("FakeClock starts at the given time and stands still", async () => {
  assert.equal(new FakeClock().now(), START_MS);
  const clock = new FakeClock({ startMs: 5 });
  await settle();
  assert.equal(clock.now(), 5);
  assert.equal(clock.steady(), 5);
  assert.equal(clock.pending, 0);
  assert.equal(clock.nextDue(), undefined);
});

Deno.test("advance() fires each timer at its due time, in order of due times", async () => {
  const clock = new FakeClock();
  const { noted, note } = notes(clock);
  clock.setTimer(30, note("c"));
  clock.setTimer(10, note("a"));
  clock.setTimer(20, note("b"));
  clock.setTimer(40.5, note("d"));
  await clock.advance(30);
  assert.deepEqual(noted, ["a@10", "b@20", "c@30"]);
  assert.equal(clock.pending, 1);
  assert.equal(clock.nextDue(), START_MS + 40.5);
  await clock.advance(10.4);
  assert.equal(noted.length, 3);
  await clock.advanceTo(START_MS + 40.5);
  assert.deepEqual(noted.slice(3), ["d@40.5"]);
});

Deno.test("advance() fires timers of one due time in the order in which they were set", async () => {
  const clock = new FakeClock();
  const fired: number[] = [];
  for (let i = 0; i < 100; i++) clock.setTimer(7, () => fired.push(i));
  await clock.advance(7);
  assert.deepEqual(fired, Array.from({ length: 100 }, (_, i) => i));
});

Deno.test("advance() fires timers that timers set on the way, a delay of 0 included", async () => {
  const clock = new FakeClock();
  const { noted, note } = notes(clock);
  clock.setTimer(10, () => {
    note("outer")();
    clock.setTimer(0, note("at once"));
    clock.setTimer(5, note("later"));
    clock.setTimer(6, note("beyond"));
  });
  clock.setTimer(10, note("second"));
  await clock.advance(15);
  assert.deepEqual(noted, ["outer@10", "second@10", "at once@10", "later@15"]);
});

Deno.test("advance() settles chains of promises before, between and after timers", async () => {
  const clock = new FakeClock();
  const { noted, note } = notes(clock);
  const chain = async (label: string) => {
    for (let i = 0; i < 50; i++) await Promise.resolve();
    note(label)();
  };
  // It must not miss a timer that a pending promise sets.
  chain("before").then(() => clock.setTimer(1, note("set by a promise")));
  clock.setTimer(10, () => void chain("between"));
  clock.setTimer(11, note("next"));
  clock.setTimer(20, () => void chain("after"));
  await clock.advance(20);
  assert.deepEqual(noted, [
    "before@0",
    "set by a promise@1",
    "between@10",
    "next@11",
    "after@20",
  ]);
});

Deno.test("cancel() keeps a timer from firing, and only that one, at any place in the heap", async () => {
  const clock = new FakeClock();
  const fired: number[] = [];
  const delays = Array.from({ length: 200 }, (_, i) => (i * 7919) % 211);
  const timers = delays.map((delay, i) => clock.setTimer(delay, () => fired.push(i)));
  const kept = delays.map((delay, i) => ({ delay, i })).filter(({ i }) => i % 3 !== 0);
  for (let i = 0; i < delays.length; i += 3) {
    timers[i]?.cancel();
    timers[i]?.cancel();
  }
  assert.equal(clock.pending, kept.length);
  await clock.advance(211);
  kept.sort((a, b) => a.delay - b.delay || a.i - b.i);
  assert.deepEqual(fired, kept.map(({ i }) => i));
  assert.equal(clock.pending, 0);
});

Deno.test("cancel() is harmless from within the timer, after it, and works on the next one due", async () => {
  const clock = new FakeClock();
  const fired: string[] = [];
  const first = clock.setTimer(1, () => {
    fired.push("first");
    first.cancel();
    second.cancel();
  });
  const second = clock.setTimer(1, () => fired.push("second"));
  const third = clock.setTimer(2, () => fired.push("third"));
  await clock.advance(2);
  third.cancel();
  clock.setTimer(1, () => fired.push("fourth"));
  first.cancel();
  await clock.advance(1);
  assert.deepEqual(fired, ["first", "third", "fourth"]);
});

Deno.test("setTimer() refuses a delay that is negative or NaN, and never fires an infinite one", async () => {
  const clock = new FakeClock();
  assert.throws(() => clock.setTimer(-1, () => {}), RangeError);
  assert.throws(() => clock.setTimer(NaN, () => {}), RangeError);
  const timer = clock.setTimer(Infinity, () => assert.fail("fired"));
  assert.equal(clock.pending, 0);
  assert.equal(clock.fireNext(), false);
  await clock.advance(1e15);
  timer.cancel();
});

Deno.test("advance() refuses to go back, to go on for ever, and to run twice at once", async () => {
  const clock = new FakeClock();
  await assert.rejects(clock.advance(-1), RangeError);
  await assert.rejects(clock.advance(NaN), RangeError);
  await assert.rejects(clock.advance(Infinity), RangeError);
  await assert.rejects(clock.advanceTo(START_MS - 1), RangeError);
  const first = clock.advance(1);
  await assert.rejects(clock.advance(1), /await it/);
  await first;
  assert.equal(clock.now(), START_MS + 1);
});

Deno.test("advance() rejects with what a callback throws, stands there, and can go on", async () => {
  const clock = new FakeClock();
  const { noted, note } = notes(clock);
  clock.setTimer(1, () => {
    throw new Error("boom");
  });
  clock.setTimer(2, note("next"));
  await assert.rejects(clock.advance(5), /boom/);
  assert.equal(clock.steady(), START_MS + 1);
  await clock.advance(1);
  assert.deepEqual(noted, ["next@2"]);
});

Deno.test("advance() rejects when timers without a delay set each other without end", async () => {
  const clock = new FakeClock();
  const again = (): void => void clock.setTimer(0, again);
  clock.setTimer(1000, again);
  await assert.rejects(clock.advance(2000), /cannot move on from 1700000001000: timers lead to/);
});

Deno.test("advance() fires any number of timers at different times", async () => {
  const clock = new FakeClock();
  let count = 0;
  const again = (): void => {
    count += 1;
    clock.setTimer(0.01, again);
  };
  again();
  await clock.advance(1100);
  assert.ok(count > 100_000);
});

Deno.test("jumpWall() moves now() only, and fires nothing", async () => {
  const clock = new FakeClock();
  const { noted, note } = notes(clock);
  clock.setTimer(10, note("timer"));
  clock.jumpWall(3_600_000);
  await settle();
  assert.equal(clock.now(), START_MS + 3_600_000);
  assert.equal(clock.steady(), START_MS);
  assert.deepEqual(noted, []);
  clock.jumpWall(-7_200_000);
  await clock.advance(10);
  assert.equal(clock.now(), START_MS - 3_600_000 + 10);
  assert.deepEqual(noted, ["timer@10"]);
});

Deno.test("fireNext() fires exactly one timer at its due time, not beyond the limit", () => {
  const clock = new FakeClock();
  const { noted, note } = notes(clock);
  clock.setTimer(20, note("b"));
  clock.setTimer(10, note("a"));
  assert.equal(clock.fireNext(START_MS + 9), false);
  assert.equal(clock.steady(), START_MS);
  assert.equal(clock.fireNext(START_MS + 10), true);
  assert.deepEqual(noted, ["a@10"]);
  assert.equal(clock.fireNext(), true);
  assert.equal(clock.fireNext(), false);
  assert.deepEqual(noted, ["a@10", "b@20"]);
});
