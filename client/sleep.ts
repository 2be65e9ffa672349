/**
 * Notices by the wall clock that the device slept. Timers do not show it everywhere: where the steady clock
 * stands still in a sleep, as on Linux, they are not late afterwards, but go on where they stood.
 *
 * @module
 */

import type { ClientClock, ClientTimer } from "./types.ts";

/** How often it looks, and so the longest that the end of a sleep goes unnoticed. */
const LOOK_MS = 5000;
/** How much more time than that has to have passed. */
const SLEPT_MS = 2000;

/**
 * Calls `callback` after each sleep; returns how to stop. It calls, too, where somebody has set the wall clock
 * forward, and where a page is hidden and its timers are late.
 */
export function onSlept(clock: ClientClock, callback: () => void): () => void {
  let lookedAt = clock.now();
  const look = (): void => {
    const tookMs = clock.now() - lookedAt;
    lookedAt += tookMs;
    timer = clock.setTimer(LOOK_MS, look);
    if (tookMs > LOOK_MS + SLEPT_MS) callback();
  };
  let timer: ClientTimer = clock.setTimer(LOOK_MS, look);
  return () => timer.cancel();
}
