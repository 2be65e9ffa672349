/**
 * Delivers messages to the app, each once and in order: to listeners as they arrive, and to loops, each of which
 * reads at its own pace. What to do about too many is the client's decision.
 *
 * @module
 */

import { Op } from "../gateway/protocol/codes.ts";
import type { MessageFrame, SignalFrame } from "../gateway/protocol/frame_types.ts";
import type { Emitter } from "./emitter.ts";
import type { ClientEvents, Message, MessageIterator } from "./types.ts";

type Result<Content> = IteratorResult<Message<Content>, undefined>;

interface QueuedMessage<Content> {
  readonly message: Message<Content>;
  /** Grows with each message. */
  readonly index: number;
  /** The id of the message before it. */
  readonly before: string | undefined;
  /** True if listeners have received it. */
  readonly dispatched: boolean;
}

/** An open iterator. */
interface Loop<Content> {
  readonly wants: (queued: QueuedMessage<Content>) => boolean;
  readonly queued: QueuedMessage<Content>[];
  /** Resolve the pending calls of `next()`. */
  readonly pending: ((result: Result<Content> | Promise<never>) => void)[];
}

const MAX_IDS = 1000;
const DONE = { done: true, value: undefined } as const;

export interface DeliveryDeps<Content, SignalContent> {
  readonly emitter: Emitter<ClientEvents<Content, SignalContent>>;
  /** Called when fewer messages may wait. */
  readonly shrunk: () => void;
}

export class Delivery<Content, SignalContent> {
  /** The id of the last message that arrived, or the position at which the session started. */
  receivedId: string | undefined;
  readonly #deps: DeliveryDeps<Content, SignalContent>;
  /** Of recent messages, to drop duplicates. */
  readonly #ids = new Set<string>();
  /** Messages for the next loop, while there is none. */
  readonly #waiting: QueuedMessage<Content>[] = [];
  readonly #loops = new Set<Loop<Content>>();
  #count = 0;
  #ended: { readonly error: Error | undefined } | undefined;

  constructor(deps: DeliveryDeps<Content, SignalContent>) {
    this.#deps = deps;
  }

  /** The number of messages that wait for the slowest loop. */
  get length(): number {
    return Math.max(...this.#queues.map(({ length }) => length));
  }

  /** The id of the message before the oldest that a loop has not read. */
  get lastId(): string | undefined {
    const unread = this.#queues.flatMap(([first]) => first ?? []);
    const [oldest = { before: this.receivedId }] = unread.sort((a, b) => a.index - b.index);
    return oldest.before;
  }

  get #queues(): readonly QueuedMessage<Content>[][] {
    return [this.#waiting, ...[...this.#loops].map(({ queued }) => queued)];
  }

  published(frame: MessageFrame | SignalFrame): void {
    const { emitter } = this.#deps;
    const { channel, author, content, time } = frame;
    const published = {
      ...(channel !== undefined && { channel }),
      author,
      // The app knows what its backend publishes.
      content: content as Content & SignalContent,
      time,
    };
    if (frame.op === Op.Signal) return void emitter.emit("signal", published);
    const { id, replayed } = frame;
    if (this.#ids.has(id)) return;
    this.#ids.add(id);
    const [oldest = id] = this.#ids;
    if (this.#ids.size > MAX_IDS) this.#ids.delete(oldest);
    const message = { id, ...published, ...(replayed && { replayed }) };
    const before = this.receivedId;
    this.receivedId = id;
    const dispatched = emitter.emit("message", message);
    const queued = { message, index: this.#count++, before, dispatched };
    // With listeners and no loop, nothing is queued.
    if (this.#loops.size === 0 && !dispatched) this.#waiting.push(queued);
    for (const loop of this.#loops) {
      if (!loop.wants(queued)) continue;
      loop.queued.push(queued);
      this.#serve(loop);
    }
  }

  /** Gives what waits to listeners, if there is no loop. */
  flush(): void {
    const { emitter, shrunk } = this.#deps;
    while (this.#loops.size === 0 && emitter.has("message")) {
      const queued = this.#waiting.shift();
      if (queued === undefined) return;
      shrunk();
      if (!queued.dispatched) emitter.emit("message", queued.message);
    }
  }

  /** Ends every loop once it has read what is queued; with `error`, by throwing it. */
  end(error: Error | undefined): void {
    this.#ended = { error };
    for (const loop of this.#loops) this.#serve(loop);
  }

  /** Starts a loop, with the messages that wait or, beside another loop, with those that come. */
  iterate(channel: string | undefined): MessageIterator<Content> {
    const wants = ({ message }: QueuedMessage<Content>): boolean =>
      channel === undefined || channel === message.channel;
    const queued = this.#waiting.splice(0).filter(wants);
    const loop: Loop<Content> = { wants, queued, pending: [] };
    this.#loops.add(loop);
    this.#deps.shrunk();
    const iterator: MessageIterator<Content> = {
      next: () =>
        new Promise((resolve) => {
          loop.pending.push(resolve);
          this.#serve(loop);
        }),
      return: () => {
        const left = queued.splice(0);
        if (this.#loops.delete(loop) && this.#loops.size === 0) this.#waiting.push(...left);
        this.#serve(loop);
        this.flush();
        return Promise.resolve(DONE);
      },
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }

  /** Answers pending calls of `next()`. */
  #serve(loop: Loop<Content>): void {
    while (loop.pending.length > 0) {
      const result = this.#next(loop);
      if (result === undefined) break;
      loop.pending.shift()?.(result);
    }
    this.#deps.shrunk();
  }

  /** The result of `next()`; `undefined` while there is none. */
  #next(loop: Loop<Content>): Result<Content> | Promise<never> | undefined {
    const queued = loop.queued.shift();
    if (queued !== undefined) return { done: false, value: queued.message };
    if (this.#ended === undefined && this.#loops.has(loop)) return undefined;
    const error = this.#loops.delete(loop) && this.#ended?.error;
    return error ? Promise.reject(error) : DONE;
  }
}
