/**
 * The system clock on a fake runtime.
 *
 * @module
 */

import assert from "node:assert/strict";
import { SystemClock, type TimeSource } from "../../gateway/runtime/clock.ts";

const MAX_TIMER_MS = 2 ** 31 - 1;

/** A runtime that holds at most one timer, fired by the test. */
class OneTimer implements TimeSource {
  wallMs = 1_700_000_000_000;
  monotonicMs = 250.5;
  readonly delays: number[] = [];
  #callback: (() => void) | undefined;

  wall(): number {
    return this.wallMs;
  }

  monotonic(): number {
    return this.monotonicMs;
  }

  setTimer(delayMs: number, callback: () => void): () => void {
    this.delays.push(delayMs);
    this.#callback = callback;
    return () => {
      this.#callback = undefined;
    };
  }

  get isSet(): boolean {
    return this.#callback !== undefined;
  }

  /** Lets `ms` pass, then fires the timer. */
  fireAfter(ms: number): void {
    this.monotonicMs += ms;
    this.wallMs += ms;
    const callback = this.#callback;
    this.#callback = undefined;
    callback?.();
  }
}

Deno.test("SystemClock.steady() begins at wall time and ignores that the wall clock is set", () => {
  const source = new OneTimer();
  const clock = new SystemClock(source);
  assert.equal(clock.steady(), clock.now());
  source.monotonicMs += 10;
  source.wallMs -= 3_600_000;
  assert.equal(clock.steady(), 1_700_000_000_010);
  assert.equal(clock.now(), 1_699_996_400_000);
});

Deno.test("SystemClock.setTimer() calls back once its time has come", () => {
  const source = new OneTimer();
  let calls = 0;
  new SystemClock(source).setTimer(100, () => calls++);
  source.fireAfter(100);
  assert.equal(calls, 1);
  assert.deepEqual(source.delays, [100]);
});

Deno.test("SystemClock.setTimer() waits for the rest when the runtime fires early", () => {
  const source = new OneTimer();
  let calls = 0;
  new SystemClock(source).setTimer(100, () => calls++);
  source.fireAfter(99.25);
  assert.equal(calls, 0);
  source.fireAfter(1);
  assert.equal(calls, 1);
  assert.deepEqual(source.delays, [100, 1]);
});

Deno.test("SystemClock.setTimer() takes delays that the runtime does not", () => {
  const source = new OneTimer();
  let calls = 0;
  new SystemClock(source).setTimer(2 * MAX_TIMER_MS + 5, () => calls++);
  source.fireAfter(MAX_TIMER_MS);
  source.fireAfter(MAX_TIMER_MS);
  assert.equal(calls, 0);
  source.fireAfter(5);
  assert.equal(calls, 1);
  assert.deepEqual(source.delays, [MAX_TIMER_MS, MAX_TIMER_MS, 5]);
});

Deno.test("SystemClock.setTimer() takes an infinite delay, for which it sets nothing", () => {
  const source = new OneTimer();
  new SystemClock(source).setTimer(Infinity, () => assert.fail()).cancel();
  assert.deepEqual(source.delays, []);
});

Deno.test("SystemClock has one timer of the runtime for all of its own, set for the first of them", () => {
  const source = new OneTimer();
  const clock = new SystemClock(source);
  const calls: string[] = [];
  clock.setTimer(100, () => calls.push("100"));
  clock.setTimer(200, () => calls.push("200"));
  const soon = clock.setTimer(50, () => calls.push("50"));
  clock.setTimer(100, () => calls.push("100 again"));
  assert.deepEqual(source.delays, [100, 50]);
  soon.cancel();
  source.fireAfter(50);
  assert.deepEqual(calls, []);
  source.fireAfter(50);
  assert.deepEqual(calls, ["100", "100 again"]);
  source.fireAfter(500);
  assert.deepEqual(calls, ["100", "100 again", "200"]);
  assert.deepEqual(source.delays, [100, 50, 50, 100]);
  assert.equal(source.isSet, false);
});

Deno.test("SystemClock sets nothing any more when its last timer is cancelled", () => {
  const source = new OneTimer();
  const clock = new SystemClock(source);
  const timers = [clock.setTimer(100, () => {}), clock.setTimer(50, () => {})];
  for (const timer of timers) timer.cancel();
  assert.equal(source.isSet, false);
  clock.setTimer(70, () => {});
  assert.equal(source.isSet, true);
});

Deno.test("SystemClock lets other things have their turn before a timer of 0 ms that a timer sets", () => {
  const source = new OneTimer();
  const clock = new SystemClock(source);
  let turns = 0;
  const again = (): void => {
    turns += 1;
    clock.setTimer(0, again);
  };
  clock.setTimer(0, again);
  for (let i = 1; i < 5; i++) {
    source.fireAfter(0);
    assert.equal(turns, i);
  }
});

Deno.test("SystemClock calls a timer that another cancels no more, and the others when one throws", () => {
  const source = new OneTimer();
  const clock = new SystemClock(source);
  const calls: string[] = [];
  clock.setTimer(10, () => {
    second.cancel();
    throw new Error("a bug");
  });
  const second = clock.setTimer(10, () => calls.push("second"));
  clock.setTimer(10, () => calls.push("third"));
  assert.throws(() => source.fireAfter(10), /a bug/);
  source.fireAfter(0);
  assert.deepEqual(calls, ["third"]);
});

Deno.test("SystemClock.setTimer() is cancelled, also after it was set again", () => {
  const source = new OneTimer();
  let calls = 0;
  const timer = new SystemClock(source).setTimer(MAX_TIMER_MS + 5, () => calls++);
  source.fireAfter(MAX_TIMER_MS);
  timer.cancel();
  source.fireAfter(5);
  timer.cancel();
  assert.equal(calls, 0);
});

Deno.test("SystemClock runs on the runtime's own time", async () => {
  const clock = new SystemClock();
  const before = clock.steady();
  await new Promise<void>((resolve) => void clock.setTimer(1, resolve));
  assert.ok(clock.steady() - before >= 1);
});
