/**
 * Tracks what virtual time has to wait for: work outside of JavaScript, such as cryptography, and the tasks
 * of a virtual network.
 *
 * @module
 */

import { setImmediate } from "node:timers";

/** The unfinished tasks of one mock gateway. */
export class PendingTasks {
  readonly #pending = new Set<Promise<unknown>>();

  /** Makes time wait until `promise` has settled. Returns it. */
  track<T>(promise: Promise<T>): Promise<T> {
    const settled = promise.then(() => {}, () => {}).finally(() => this.#pending.delete(settled));
    this.#pending.add(settled);
    return promise;
  }

  /** Calls `task` from the event loop, as a network does. Tasks run in order. */
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

  /** The same, for a client whose clock may be ahead: after `arrival`, when that of the gateway has caught up. */
  postAfter(arrival: Promise<void> | undefined, task: () => void): void {
    if (arrival === undefined) return this.post(task);
    void arrival.then(() => this.post(task));
  }

  /** Resolves when any task is finished; `undefined` when there is none. */
  pending(): Promise<unknown> | undefined {
    return this.#pending.size === 0 ? undefined : Promise.race(this.#pending);
  }
}
