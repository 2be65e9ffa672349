/**
 * The most recent messages of the stream in memory, which most resuming clients need. Bounded by bytes, oldest
 * entries first; by topic, so that a read costs what it finds.
 *
 * @module
 */

import type { Message } from "../../ports.ts";
import { topicOf } from "../topic.ts";

/** Memory of a message beside its entry's bytes. */
const MESSAGE_BYTES = 300;
/** Removed items that a queue may hold before it is compacted. */
const SLACK = 64;

interface Held {
  readonly number: number;
  readonly messages: readonly Message[];
  readonly bytes: number;
}

/** A queue with access by index. */
class Queue<T> {
  #items: T[] = [];
  #gone = 0;

  get length(): number {
    return this.#items.length - this.#gone;
  }

  at(index: number): T | undefined {
    return this.#items[this.#gone + index];
  }

  push(item: T): void {
    this.#items.push(item);
  }

  shift(): T | undefined {
    const item = this.#items[this.#gone];
    if (item !== undefined) this.#gone++;
    if (this.#gone > SLACK && this.#gone > this.#items.length / 2) {
      this.#items = this.#items.slice(this.#gone);
      this.#gone = 0;
    }
    return item;
  }
}

export class Window {
  readonly #maxBytes: number;
  readonly #entries = new Queue<Held>();
  readonly #topics = new Map<string, Queue<Message>>();
  #bytes = 0;
  #after: number;

  constructor({ maxBytes, after }: { readonly maxBytes: number; readonly after: number }) {
    this.#maxBytes = maxBytes;
    this.#after = after;
  }

  /** Every entry after this one is in the window. */
  get after(): number {
    return this.#after;
  }

  /** Adds the next entry; `bytes` is its size in the stream. */
  push(number: number, messages: readonly Message[], bytes: number): void {
    const held = { number, messages, bytes: bytes + messages.length * MESSAGE_BYTES };
    this.#entries.push(held);
    this.#bytes += held.bytes;
    for (const message of messages) this.#topic(topicOf(message)).push(message);
    while (this.#bytes > this.#maxBytes) this.#drop();
  }

  /** The first `limit` messages of `topic` with a sequence greater than `after`. */
  read(
    topic: string,
    { after, limit }: { readonly after: number; readonly limit: number },
  ): readonly Message[] {
    const queue = this.#topics.get(topic);
    if (queue === undefined) return [];
    const start = firstAfter(queue, after);
    const count = Math.min(limit, queue.length - start);
    return Array.from({ length: count }, (_, index) => queue.at(start + index))
      .filter((message) => message !== undefined);
  }

  #topic(topic: string): Queue<Message> {
    const known = this.#topics.get(topic);
    if (known !== undefined) return known;
    const queue = new Queue<Message>();
    this.#topics.set(topic, queue);
    return queue;
  }

  #drop(): void {
    const held = this.#entries.shift();
    if (held === undefined) return;
    this.#bytes -= held.bytes;
    this.#after = held.number;
    for (const message of held.messages) {
      const topic = topicOf(message);
      const queue = this.#topics.get(topic);
      queue?.shift();
      if (queue?.length === 0) this.#topics.delete(topic);
    }
  }
}

/** The index of the first message with a sequence greater than `after`. */
function firstAfter(queue: Queue<Message>, after: number): number {
  let low = 0;
  let high = queue.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((queue.at(middle)?.sequence ?? Infinity) <= after) low = middle + 1;
    else high = middle;
  }
  return low;
}
