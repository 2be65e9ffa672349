/**
 * PendingTasks that time has to wait for: what is under way outside of JavaScript, such as cryptography, and the
 * tasks of a virtual network.
 *
 * It counts and waits; it starts nothing on its own and knows no clock.
 *
 * @module
 */

import { setImmediate } from "node:timers";

/** Everything that is under way in one mock gateway. */
export class PendingTasks {
  readonly #pending = new Set<Promise<unknown>>();

  /** Makes time wait until `promise` has settled. Returns it. */
  track<T>(promise: Promise<T>): Promise<T> {
    const settled = promise.then(() => {}, () => {}).finally(() => this.#pending.delete(settled));
    this.#pending.add(settled);
    return promise;
  }

  /** Calls `task` soon, from the event loop, as a network does. Tasks keep their order. */
  post(task: () => void): void {
    this.track(
      new Promise<void>((resolve) => {
        setImmediate(() => {
          resolve();
          task();
        });
      }),
    );
  }

  /** Resolves when something that is under way is over; `undefined` when nothing is. */
  pending(): Promise<unknown> | undefined {
    return this.#pending.size === 0 ? undefined : Promise.race(this.#pending);
  }
}
