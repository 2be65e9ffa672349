/**
 * The messages that wait for the app's loops, oldest first.
 *
 * It says how many there are; what to do about too many is the client's decision.
 *
 * @module
 */

import type { Message } from "./types.ts";

type Result = IteratorResult<Message, undefined>;

/** A loop, also for `for await`. Not `AsyncIterableIterator`, which takes one parameter before TypeScript 5.6. */
type MessageIterator = AsyncIterator<Message, undefined> & AsyncIterable<Message>;

/** A message that waits. */
export interface Entry {
  readonly message: Message;
  /** The id of what came before it. */
  readonly before: string | undefined;
  /** Whether listeners were told of it already. */
  readonly heard: boolean;
}

/** Who is told that the queue changed. */
export interface QueueListener {
  /** It got shorter. */
  taken(): void;
  /** The last loop is over. */
  left(): void;
}

/** A loop that waits for a message. */
interface Waiter {
  readonly loop: symbol;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: Error) => void;
}

const DONE: Result = { done: true, value: undefined };

/** A queue that loops read. */
export class MessageQueue {
  readonly #entries: Entry[] = [];
  readonly #loops = new Set<symbol>();
  readonly #listener: QueueListener;
  #waiters: Waiter[] = [];
  #ended: { readonly error: Error | undefined } | undefined;

  /** An empty queue. */
  constructor(listener: QueueListener) {
    this.#listener = listener;
  }

  /** How many messages wait. */
  get length(): number {
    return this.#entries.length;
  }

  /** How many loops there are, waiting or not. */
  get loops(): number {
    return this.#loops.size;
  }

  /** The oldest message that waits, with what came before it. */
  get first(): Entry | undefined {
    return this.#entries[0];
  }

  /** Hands a message to a loop that waits, or keeps it. */
  push(entry: Entry): void {
    const waiter = this.#waiters.shift();
    if (waiter === undefined) this.#entries.push(entry);
    else waiter.resolve({ done: false, value: entry.message });
  }

  /** Takes the oldest message out. */
  shift(): Entry | undefined {
    const entry = this.#entries.shift();
    if (entry !== undefined) this.#listener.taken();
    return entry;
  }

  /** Lets every loop end, once it has taken what is here: with `error`, or just so. */
  end(error: Error | undefined): void {
    this.#ended = { error };
    for (const { resolve, reject } of this.#waiters.splice(0)) {
      if (error === undefined) resolve(DONE);
      else reject(error);
    }
  }

  /** A new loop. */
  iterate(): MessageIterator {
    const loop = Symbol();
    this.#loops.add(loop);
    const iterator: MessageIterator = {
      next: () => this.#next(loop),
      return: () => this.#leave(loop),
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }

  #next(loop: symbol): Promise<Result> {
    if (!this.#loops.has(loop)) return Promise.resolve(DONE);
    const entry = this.shift();
    if (entry !== undefined) return Promise.resolve({ done: false, value: entry.message });
    if (this.#ended === undefined) {
      return new Promise((resolve, reject) => this.#waiters.push({ loop, resolve, reject }));
    }
    this.#loops.delete(loop);
    const { error } = this.#ended;
    return error === undefined ? Promise.resolve(DONE) : Promise.reject(error);
  }

  /** What a loop has asked for and not been given goes to others. */
  #leave(loop: symbol): Promise<Result> {
    const isLast = this.#loops.delete(loop) && this.loops === 0;
    const own = this.#waiters.filter((waiter) => waiter.loop === loop);
    this.#waiters = this.#waiters.filter((waiter) => waiter.loop !== loop);
    for (const { resolve } of own) resolve(DONE);
    if (isLast) this.#listener.left();
    return Promise.resolve(DONE);
  }
}
