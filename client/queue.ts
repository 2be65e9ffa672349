/**
 * The messages that wait for the app's loops, oldest first. What to do about too many is the client's decision.
 *
 * @module
 */

import type { Message } from "./types.ts";

type Result = IteratorResult<Message, undefined>;

/** Not `AsyncIterableIterator`, which takes one parameter before TypeScript 5.6. */
type MessageIterator = AsyncIterator<Message, undefined> & AsyncIterable<Message>;

export interface QueuedMessage {
  readonly message: Message;
  /** The id of the message before it. */
  readonly before: string | undefined;
  /** True if listeners have received it. */
  readonly dispatched: boolean;
}

export interface QueueListener {
  shrunk(): void;
  lastIteratorClosed(): void;
}

/** A pending `next()`. */
interface Waiter {
  readonly iterator: MessageIterator;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: Error) => void;
}

const DONE: Result = { done: true, value: undefined };

export class MessageQueue {
  readonly #queued: QueuedMessage[] = [];
  readonly #iterators = new Set<MessageIterator>();
  readonly #listener: QueueListener;
  #waiters: Waiter[] = [];
  #ended: { readonly error: Error | undefined } | undefined;

  constructor(listener: QueueListener) {
    this.#listener = listener;
  }

  get length(): number {
    return this.#queued.length;
  }

  /** The number of open iterators, waiting or not. */
  get iterators(): number {
    return this.#iterators.size;
  }

  /** The oldest message that waits. */
  get first(): QueuedMessage | undefined {
    return this.#queued[0];
  }

  /** Gives a message to an iterator that waits, or queues it. */
  push(queued: QueuedMessage): void {
    const waiter = this.#waiters.shift();
    if (waiter === undefined) this.#queued.push(queued);
    else waiter.resolve({ done: false, value: queued.message });
  }

  /** Removes the oldest message. */
  shift(): QueuedMessage | undefined {
    const queued = this.#queued.shift();
    if (queued !== undefined) this.#listener.shrunk();
    return queued;
  }

  /** Ends every iterator once it has read what is queued; with `error`, by throwing it. */
  end(error: Error | undefined): void {
    this.#ended = { error };
    for (const { resolve, reject } of this.#waiters.splice(0)) {
      if (error === undefined) resolve(DONE);
      else reject(error);
    }
  }

  iterate(): MessageIterator {
    const iterator: MessageIterator = {
      next: () => this.#next(iterator),
      return: () => this.#return(iterator),
      [Symbol.asyncIterator]: () => iterator,
    };
    this.#iterators.add(iterator);
    return iterator;
  }

  #next(iterator: MessageIterator): Promise<Result> {
    if (!this.#iterators.has(iterator)) return Promise.resolve(DONE);
    const queued = this.shift();
    if (queued !== undefined) return Promise.resolve({ done: false, value: queued.message });
    if (this.#ended === undefined) {
      return new Promise((resolve, reject) => this.#waiters.push({ iterator, resolve, reject }));
    }
    this.#iterators.delete(iterator);
    const { error } = this.#ended;
    return error === undefined ? Promise.resolve(DONE) : Promise.reject(error);
  }

  /** Leaves messages that the iterator waits for to the others. */
  #return(iterator: MessageIterator): Promise<Result> {
    const isLast = this.#iterators.delete(iterator) && this.iterators === 0;
    this.#waiters = this.#waiters.filter((waiter) => {
      const isOwn = waiter.iterator === iterator;
      if (isOwn) waiter.resolve(DONE);
      return !isOwn;
    });
    if (isLast) this.#listener.lastIteratorClosed();
    return Promise.resolve(DONE);
  }
}
