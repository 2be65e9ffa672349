/**
 * Keeps a failure that comes with every request or client from filling the log: news is told once, and
 * then again after a while.
 *
 * @module
 */

import type { Clock } from "./ports.ts";

/** How long nothing more is said of the same thing, in milliseconds. */
const QUIET_MS = 10_000;
/** How many things are remembered; what peers choose must not fill the memory. */
const MAX_TOPICS = 100;

/** What has been said lately. */
export class LogThrottle {
  readonly #clock: Clock;
  readonly #until = new Map<string, number>();

  /** Nothing has been said. */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether `topic` may be spoken of now; if so, it may not again for ten seconds. */
  shouldLog(topic: string): boolean {
    const now = this.#clock.steady();
    if (now < (this.#until.get(topic) ?? 0)) return false;
    if (this.#until.size >= MAX_TOPICS) this.#until.clear();
    this.#until.set(topic, now + QUIET_MS);
    return true;
  }
}
