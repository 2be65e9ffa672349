/**
 * Event listeners by type. One that throws affects neither the others nor the client.
 *
 * @module
 */

import { reportUncaught } from "./runtime.ts";

export class Emitter<Events extends object> {
  readonly #listeners: { [T in keyof Events]?: Set<(event: Events[T]) => void> } = {};

  has(type: keyof Events): boolean {
    return !!this.#listeners[type]?.size;
  }

  /** Adds a listener, and returns a function that removes it. */
  on<T extends keyof Events>(type: T, listener: (event: Events[T]) => void): () => void {
    const listeners = this.#listeners[type] ??= new Set();
    // A function that is added twice is called twice, and removed one by one.
    const entry = (event: Events[T]): void => listener(event);
    listeners.add(entry);
    return () => void listeners.delete(entry);
  }

  /** Returns true if there was a listener. */
  emit<T extends keyof Events>(type: T, event: Events[T]): boolean {
    const listeners = [...this.#listeners[type] ?? []];
    for (const listener of listeners) {
      try {
        listener(event);
      } catch (error) {
        reportUncaught(error);
      }
    }
    return listeners.length > 0;
  }
}
