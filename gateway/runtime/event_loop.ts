/**
 * Measures how late the event loop is: the time for which everything else waits while something computes.
 *
 * @module
 */

import type { Clock, Timer } from "../ports.ts";

/** Time between two measurements, in milliseconds. */
const INTERVAL_MS = 20;

/**
 * Sets a timer every 20 ms and calls `onDelay` with the milliseconds by which it fired late.
 *
 * @returns a function that stops; until then the timer keeps the process alive
 */
export function watchEventLoop(clock: Clock, onDelay: (delayMs: number) => void): () => void {
  let timer: Timer;
  const measure = (): void => {
    const dueMs = clock.steady() + INTERVAL_MS;
    timer = clock.setTimer(INTERVAL_MS, () => {
      onDelay(Math.max(0, clock.steady() - dueMs));
      measure();
    });
  };
  measure();
  return () => timer.cancel();
}
