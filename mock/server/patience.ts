/**
 * Waiting, in real time, for clients in other processes to answer: an ACK for a heartbeat, Identify after
 * Hello, the answer to a close frame.
 *
 * It decides how long, and gives up on those who stay silent; what they owe is the links' to know.
 *
 * @module
 */

import type { Clock, Timer } from "../../gateway/ports.ts";
import type { Links } from "../gateway/links.ts";

/** How long a client has to answer unless told, in milliseconds of real time. */
export const DEFAULT_PATIENCE_MS = 50;

/**
 * Real time between two looks, in milliseconds, and the most that one counts: on a machine that is so
 * busy that this process comes late, clients come late too, and get more time.
 */
const LOOK_MS = 1;

/** The patience with clients. */
export class ReplyWait {
  #limitMs = DEFAULT_PATIENCE_MS;
  readonly #clock: Clock;

  /** Waits by `clock`, which is real. */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Has this patience while `act` is under way, and the usual one afterwards. */
  async within(limitMs: number, act: () => Promise<void>): Promise<void> {
    this.#limitMs = limitMs;
    try {
      await act();
    } finally {
      this.#limitMs = DEFAULT_PATIENCE_MS;
    }
  }

  /** Lets what has come in by now be read. */
  async look(): Promise<void> {
    await this.#rest(new Promise<void>(() => {}));
  }

  /** Resolves once no peer pendingReplies anything, or those who do are given up on; says whether one did. */
  async answered(links: Links): Promise<boolean> {
    let waitedMs = 0;
    let owing = links.owing;
    if (owing.length === 0) return false;
    while (owing.length > 0 && waitedMs < this.#limitMs) {
      const from = this.#clock.steady();
      await this.#rest(links.heard());
      waitedMs += Math.min(LOOK_MS, this.#clock.steady() - from);
      owing = links.owing;
    }
    for (const link of owing) link.giveUpOn();
    return true;
  }

  /** Lets a little real time pass, or less if something happens. */
  async #rest(happened: Promise<void>): Promise<void> {
    let timer: Timer | undefined;
    const rested = new Promise<void>((resolve) => {
      timer = this.#clock.setTimer(LOOK_MS, resolve);
    });
    await Promise.race([rested, happened]);
    timer?.cancel();
  }
}
