/**
 * Listeners by the type of event. One that throws disturbs neither the others nor the client.
 *
 * @module
 */

import { reportUncaught } from "./runtime.ts";

/** Tells listeners of `Events`. */
export class Emitter<Events extends object> {
  readonly #listeners: { [T in keyof Events]?: Set<(event: Events[T]) => void> } = {};

  /** Whether anybody listens. */
  has(type: keyof Events): boolean {
    return (this.#listeners[type]?.size ?? 0) > 0;
  }

  /** Adds a listener; returns how to remove it. */
  on<T extends keyof Events>(type: T, listener: (event: Events[T]) => void): () => void {
    const listeners = this.#listeners[type] ??= new Set();
    // Added twice it is called twice, and each is removed for itself.
    const entry = (event: Events[T]): void => listener(event);
    listeners.add(entry);
    return () => void listeners.delete(entry);
  }

  /** Calls those who listen now. */
  emit<T extends keyof Events>(type: T, event: Events[T]): void {
    for (const listener of [...this.#listeners[type] ?? []]) {
      try {
        listener(event);
      } catch (error) {
        reportUncaught(error);
      }
    }
  }
}
