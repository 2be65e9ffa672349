/**
 * Detects by the wall clock that the device slept. Timers do not show it everywhere: where the steady clock
 * stops during sleep, as on Linux, they are not late afterwards, but continue where they stopped.
 *
 * @module
 */

import type { ClientClock, ClientTimer } from "./types.ts";

/** The interval of the check, and so the longest that the end of a sleep goes unnoticed. */
const CHECK_MS = 5000;
/** A timer this late means that the device slept, or that a hidden page's timers are throttled. */
export const SLEPT_MS = 2000;

/**
 * Calls `callback` after each sleep; returns how to stop. It is also called when the wall clock is set forward,
 * and when a hidden page's timers are late.
 */
export function onSlept(clock: ClientClock, callback: () => void): () => void {
  let checkedAt = clock.now();
  const check = (): void => {
    const tookMs = clock.now() - checkedAt;
    checkedAt += tookMs;
    timer = clock.setTimer(CHECK_MS, check);
    if (tookMs > CHECK_MS + SLEPT_MS) callback();
  };
  let timer: ClientTimer = clock.setTimer(CHECK_MS, check);
  return () => timer.cancel();
}
