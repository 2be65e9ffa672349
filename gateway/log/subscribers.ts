/**
 * Who listens to a log, and how far they have been told: hands on what is durable, in order.
 *
 * Keeps nothing and knows no storage; every implementation of the log spreads through this one.
 *
 * @module
 */

import type { Logger, Message, Position } from "../ports.ts";
import { toError } from "../util.ts";
import { formatMessageId } from "./message_id.ts";

/** Takes a batch of messages, in order. */
export type Listener = (messages: readonly Message[]) => void;

/** The subscribers of one log. */
export class Subscribers {
  readonly #logger: Logger;
  readonly #epoch: string;
  readonly #listeners = new Set<{ readonly listener: Listener }>();
  readonly #waiting: (readonly Message[])[] = [];
  #notifying = false;
  #head: Position;

  /** No listeners yet. One that throws is reported to `logger`; `start` is the end of the log. */
  constructor(logger: Logger, start: { readonly epoch: string; readonly sequence: number }) {
    this.#logger = logger;
    this.#epoch = start.epoch;
    this.#head = this.position(start.sequence);
  }

  /** The position of the last message that was handed on. */
  get head(): Position {
    return this.#head;
  }

  /** The position `sequence` of this log. */
  position(sequence: number): Position {
    return { id: formatMessageId(this.#epoch, sequence), sequence };
  }

  /** Adds a listener; returns how to remove it. */
  add(listener: Listener): () => void {
    const entry = { listener };
    this.#listeners.add(entry);
    return () => void this.#listeners.delete(entry);
  }

  /** Hands `messages` to every listener before it returns, unless a listener is calling. */
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
      // One that has gone meanwhile is not told; one that has come starts at the new head.
      if (!this.#listeners.has(entry)) continue;
      try {
        entry.listener(messages);
      } catch (error) {
        this.#logger.error("a subscriber of the log failed", { error: toError(error) });
      }
    }
  }
}
