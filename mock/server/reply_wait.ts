/**
 * Waits, in real time, until clients in other processes have replied: an ACK to a heartbeat, Identify to
 * Hello, the answer to a close frame. Gives up on clients that stay silent.
 *
 * @module
 */

import type { Clock, Timer } from "../../gateway/ports.ts";
import type { Links } from "../gateway/links.ts";

/** The default limit for a reply, in milliseconds of real time. */
export const DEFAULT_REPLY_WAIT_MS = 50;

/**
 * Real time between two polls, in milliseconds, and the most that one counts: on a machine so busy that
 * this process runs late, clients run late too, and get more time.
 */
const POLL_MS = 1;

/** Waits for replies, up to a limit. */
export class ReplyWait {
  #limitMs = DEFAULT_REPLY_WAIT_MS;
  readonly #clock: Clock;

  /** @param clock real time */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Applies this limit while `act` runs. */
  async within<T>(limitMs: number, act: () => Promise<T>): Promise<T> {
    this.#limitMs = limitMs;
    try {
      return await act();
    } finally {
      this.#limitMs = DEFAULT_REPLY_WAIT_MS;
    }
  }

  /** Lets the runtime read what has already arrived. */
  async poll(): Promise<void> {
    await this.#pause(new Promise<void>(() => {}));
  }

  /** Resolves when no client has a reply pending, or the limit has passed. Returns whether one had. */
  async answered(links: Links): Promise<boolean> {
    let waitedMs = 0;
    let waiting = links.withPendingReplies;
    if (waiting.length === 0) return false;
    while (waiting.length > 0 && waitedMs < this.#limitMs) {
      const from = this.#clock.steady();
      await this.#pause(links.changed());
      waitedMs += Math.min(POLL_MS, this.#clock.steady() - from);
      waiting = links.withPendingReplies;
    }
    for (const link of waiting) link.giveUpOn();
    return true;
  }

  /** Waits for one poll's time, or until `happened` resolves. */
  async #pause(happened: Promise<void>): Promise<void> {
    let timer: Timer | undefined;
    const due = new Promise<void>((resolve) => {
      timer = this.#clock.setTimer(POLL_MS, resolve);
    });
    await Promise.race([due, happened]);
    timer?.cancel();
  }
}
