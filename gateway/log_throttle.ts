/**
 * Rate-limits log lines that a client could repeat at will, or that come with every request.
 *
 * @module
 */

import type { Clock } from "./ports.ts";

/** Time between two lines on the same topic, in milliseconds. */
const QUIET_MS = 10_000;
/** Most topics; peers may choose them, so they must not fill the memory. */
const MAX_TOPICS = 100;

export class LogThrottle {
  readonly #clock: Clock;
  readonly #until = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Allows a line on `topic` once in ten seconds. */
  shouldLog(topic: string): boolean {
    const now = this.#clock.steady();
    if (now < (this.#until.get(topic) ?? 0)) return false;
    if (this.#until.size >= MAX_TOPICS) this.#until.clear();
    this.#until.set(topic, now + QUIET_MS);
    return true;
  }
}
