/**
 * Follows the end of a stream with an ordered consumer, which is made anew, from the next entry on,
 * whenever there is a doubt that it still runs.
 *
 * It hands on every entry once and in order; what they are is not its matter.
 *
 * @module
 */

import type { Consumer, ConsumerMessages } from "@nats-io/jetstream";
import type { Clock, Logger } from "../../ports.ts";
import { toError } from "../../util.ts";

/** What a tail works with. */
export interface TailOptions {
  /** Waits before it tries again. */
  readonly clock: Clock;
  /** Hears why it began anew. */
  readonly logger: Logger;
  /** An ordered consumer that begins at number `from`, and the number that was the last before it. */
  readonly consume: (
    from: number,
  ) => Promise<{ readonly consumer: Consumer; readonly last: number }>;
  /** The number to begin at. */
  readonly next: number;
  /** Takes the entries. */
  readonly receive: (number: number, data: Uint8Array) => void;
  /** Hears that nothing is coming from number `from` to `last`, as far as the consumer knows. */
  readonly silent: (from: number, last: number) => void;
}

const RETRY_MS = 250;
const AT_ONCE = 200;
/** The server says so often that it has nothing; two that fail to come are the end. */
const HEARTBEAT_MS = 1000;
const EXPIRES_MS = 10_000;

/** A walk along a stream that has no end. */
export class Tail {
  readonly #options: TailOptions;
  #next: number;
  #messages: ConsumerMessages | undefined;
  #stopped = false;
  #wake: () => void = () => {};

  /** Begins. */
  constructor(options: TailOptions) {
    this.#options = options;
    this.#next = options.next;
    void this.#run();
  }

  /** Begins anew where it is: after the connection was lost, the consumer may be too. */
  restart(): void {
    this.#messages?.stop();
    this.#wake();
  }

  /** Ends it. */
  stop(): void {
    this.#stopped = true;
    this.restart();
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      try {
        await this.#follow();
      } catch (cause) {
        const error = toError(cause);
        this.#options.logger.debug("the end of the stream cannot be followed", { error });
      }
      if (!this.#stopped) await this.#pause();
    }
  }

  /** Until the consumer fails, or falls silent. */
  async #follow(): Promise<void> {
    const { consumer, last } = await this.#options.consume(this.#next);
    const nothingPending = (pending: number): void => {
      if (pending === 0 && this.#next <= last) this.#options.silent(this.#next, last);
    };
    const messages = await consumer.consume({
      max_messages: AT_ONCE,
      expires: EXPIRES_MS,
      idle_heartbeat: HEARTBEAT_MS,
      callback: ({ seq, data, info }) => {
        // One that was given up may still have something on the way.
        if (this.#messages !== messages || seq < this.#next) return;
        this.#next = seq + 1;
        this.#options.receive(seq, data);
        nothingPending(info.pending);
      },
    });
    this.#messages = messages;
    nothingPending((await consumer.info(true)).num_pending);
    if (this.#stopped) messages.stop();
    void this.#watch(messages);
    await messages.closed();
    this.#messages = undefined;
    consumer.delete().catch(() => {});
  }

  async #watch(messages: ConsumerMessages): Promise<void> {
    for await (const { type } of messages.status()) {
      if (type === "heartbeats_missed" || type === "consumer_not_found") messages.stop();
    }
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#options.clock.setTimer(RETRY_MS, resolve);
      this.#wake = () => {
        timer.cancel();
        resolve();
      };
    });
  }
}
