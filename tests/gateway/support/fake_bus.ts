/**
 * A bus between nodes in one process.
 *
 * @module
 */

import type { Bus } from "../../../gateway/cluster/bus.ts";

type Listener = Parameters<Bus["subscribe"]>[1];

/** A bus that every node hears at once. */
export class FakeBus implements Bus {
  readonly listeners = new Map<string, Set<Listener>>();

  publish(subject: string, text: string, reply?: string): void {
    for (const listener of [...this.listeners.get(subject) ?? []]) listener(text, reply);
  }

  subscribe(subject: string, listener: Listener): () => void {
    const listeners = this.listeners.get(subject) ?? new Set();
    this.listeners.set(subject, listeners.add(listener));
    return () =>
      void (listeners.delete(listener) && listeners.size === 0 &&
        this.listeners.delete(subject));
  }
}
