/**
 * The measurement of the event loop's delay, on virtual time.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Clock, Timer } from "../../gateway/ports.ts";
import { watchEventLoop } from "../../gateway/runtime/event_loop.ts";

/** A clock whose timers are as late as the test sets. */
class LateClock implements Clock {
  timeMs = 1000;
  pending: { readonly dueMs: number; readonly callback: () => void } | undefined;

  now(): number {
    return this.timeMs;
  }

  steady(): number {
    return this.timeMs;
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    this.pending = { dueMs: this.timeMs + delayMs, callback };
    return {
      cancel: () => {
        this.pending = undefined;
      },
    };
  }

  fireLate(byMs: number): void {
    const timer = this.pending;
    assert.ok(timer !== undefined, "no timer is set");
    this.pending = undefined;
    this.timeMs = timer.dueMs + byMs;
    timer.callback();
  }
}

Deno.test("watchEventLoop() tells how late each of its timers fired", () => {
  const clock = new LateClock();
  const delays: number[] = [];
  watchEventLoop(clock, (ms) => delays.push(ms));
  clock.fireLate(0);
  clock.fireLate(730);
  clock.fireLate(1.5);
  assert.deepEqual(delays, [0, 730, 1.5]);
  assert.equal(clock.timeMs, 1000 + 3 * 20 + 731.5);
});

Deno.test("watchEventLoop() stops", () => {
  const clock = new LateClock();
  const stop = watchEventLoop(clock, () => {});
  clock.fireLate(0);
  stop();
  assert.equal(clock.pending, undefined);
});
