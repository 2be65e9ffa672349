/**
 * The fake timers of vitest, jest and sinon. All are `@sinonjs/fake-timers`, which marks the functions that it
 * replaces with its clock. Never touches real timers.
 *
 * @module
 */

import type { FollowingClock } from "./virtual_clock.ts";

/** The part of a clock of `@sinonjs/fake-timers` that is used. */
interface SinonClock {
  /** Unix milliseconds. */
  readonly now: number;
  /** Advances to the next timer, and fires it. */
  next(): number;
  setTimeout(callback: () => void, ms: number): unknown;
  clearTimeout(id: unknown): void;
}

/** Fake timers that are on. */
export interface FakeTimers extends FollowingClock {
  /** Unix milliseconds. */
  readonly now: number;
}

/** Returns the fake timers, or `undefined` while timers are real. */
export function fakeTimers(): FakeTimers | undefined {
  const clock: unknown = Reflect.get(setTimeout, "clock");
  if (!isSinonClock(clock)) return undefined;
  const { now } = clock;
  return {
    now,
    move: (maxMs) => {
      fireNext(clock, maxMs);
      return clock.now - now;
    },
    rested: () => fireNext(clock, 0),
  };
}

/** Fires the next timer if it is due within `maxMs`. Returns whether it was; if not, `maxMs` have passed. */
function fireNext(clock: SinonClock, maxMs: number): boolean {
  let fired = true;
  // A timer of its own at the limit, as nothing tells when the next is due.
  const limit = clock.setTimeout(() => fired = false, maxMs);
  clock.next();
  clock.clearTimeout(limit);
  return fired;
}

function isSinonClock(value: unknown): value is SinonClock {
  return typeof value === "object" && value !== null && "next" in value && "setTimeout" in value;
}
