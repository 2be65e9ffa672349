/**
 * Real time for tests: each timer fires at the next turn of the event loop, as if its delay had passed.
 *
 * @module
 */

import { setImmediate } from "node:timers";
import type { Clock, Timer } from "../../../gateway/ports.ts";

/** A clock that never makes a test wait. */
export class TurnClock implements Clock {
  passedMs = 0;
  /** Everything takes this many times longer than asked for. */
  slowness = 1;

  now(): number {
    return this.passedMs;
  }

  steady(): number {
    return this.passedMs;
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    let cancelled = false;
    setImmediate(() => {
      if (cancelled) return;
      this.passedMs += delayMs * this.slowness;
      callback();
    });
    return {
      cancel: () => {
        cancelled = true;
      },
    };
  }
}
