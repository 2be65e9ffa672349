/**
 * The clock of a page follows a gateway's; with a page that only counts. The matrix has a real one.
 *
 * @module
 */

import assert from "node:assert/strict";
import { PageClock } from "../../mock/fixtures/page_clock.ts";

/** A page whose next timer is due in `nextTimerMs`, and the calls of its clock. */
function fakePage(evaluate: () => Promise<unknown>, calls: string[] = []) {
  const call = (name: string) => (argument: unknown): Promise<void> => {
    calls.push(`${name} ${JSON.stringify(argument)}`);
    return Promise.resolve();
  };
  return {
    clock: { install: call("install"), pauseAt: call("pauseAt"), runFor: call("runFor") },
    addInitScript: () => Promise.resolve(),
    evaluate: <T>() => evaluate() as Promise<T>,
    isClosed: () => false,
    routeWebSocket: () => Promise.resolve(),
  };
}

Deno.test("PageClock.rested() tells whether page or gateway have sent something, or a timer was due", async () => {
  let sends = true;
  let nextTimerMs = 0;
  const calls: string[] = [];
  const page = fakePage(() => {
    if (sends) clock.noteTraffic();
    return Promise.resolve(nextTimerMs);
  }, calls);
  const clock = new PageClock(page);
  assert.equal(await clock.rested(), true);
  sends = false;
  assert.equal(await clock.rested(), true);
  assert.deepEqual(calls, ["runFor 0", "runFor 0"]);
  nextTimerMs = 0.5;
  assert.equal(await clock.rested(), false);
});

Deno.test("PageClock.move() stops at the page's next timer, after whole milliseconds", async () => {
  const calls: string[] = [];
  let nextTimerMs: number | undefined;
  const clock = new PageClock(fakePage(() => Promise.resolve(nextTimerMs), calls));
  await clock.install(100_000);
  const moved: number[] = [];
  // A page that navigates has no answer.
  for (nextTimerMs of [30.5, 0, Infinity, undefined]) moved.push(await clock.move(50));
  assert.deepEqual(moved, [31, 1, 50, 50]);
  assert.deepEqual(calls, [
    'install {"time":40000}',
    "pauseAt 100000",
    ...moved.map((ms) => `runFor ${ms}`),
  ]);
});
