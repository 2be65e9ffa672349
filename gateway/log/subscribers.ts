/**
 * Notifies the subscribers of a log of durable messages, in order. Every log uses this one; it stores
 * nothing.
 *
 * @module
 */

import type { Logger, Message, Position } from "../ports.ts";
import { toError } from "../util.ts";
import { formatMessageId } from "./message_id.ts";

export type Listener = (messages: readonly Message[]) => void;

export class Subscribers {
  readonly #logger: Logger;
  readonly #epoch: string;
  readonly #listeners = new Set<{ readonly listener: Listener }>();
  readonly #waiting: (readonly Message[])[] = [];
  #notifying = false;
  #head: Position;

  /** @param start the end of the log */
  constructor(logger: Logger, start: { readonly epoch: string; readonly sequence: number }) {
    this.#logger = logger;
    this.#epoch = start.epoch;
    this.#head = this.position(start.sequence);
  }

  /** The position of the last message of which subscribers were notified. */
  get head(): Position {
    return this.#head;
  }

  position(sequence: number): Position {
    return { id: formatMessageId(this.#epoch, sequence), sequence };
  }

  /** Returns a function that removes the listener. */
  add(listener: Listener): () => void {
    const entry = { listener };
    this.#listeners.add(entry);
    return () => void this.#listeners.delete(entry);
  }

  /** Calls every listener before it returns; called by a listener, it queues `messages`. */
  notify(messages: readonly Message[]): void {
    this.#waiting.push(messages);
    // A listener that publishes must not make the ones after it see the newer batch first.
    if (this.#notifying) return;
    this.#notifying = true;
    for (let batch = this.#waiting.shift(); batch !== undefined; batch = this.#waiting.shift()) {
      this.#hand(batch);
    }
    this.#notifying = false;
  }

  #hand(messages: readonly Message[]): void {
    const last = messages.at(-1);
    if (last === undefined) return;
    this.#head = { id: last.id, sequence: last.sequence };
    for (const entry of [...this.#listeners]) {
      // A listener added meanwhile starts at the new head.
      if (!this.#listeners.has(entry)) continue;
      try {
        entry.listener(messages);
      } catch (error) {
        this.#logger.error("a subscriber of the log failed", { error: toError(error) });
      }
    }
  }
}
