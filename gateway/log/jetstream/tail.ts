/**
 * Follows the end of a stream with an ordered consumer, which it creates again, from the next entry on, when
 * in doubt whether it still runs. Delivers every entry once and in order.
 *
 * @module
 */

import type { Consumer, ConsumerMessages } from "@nats-io/jetstream";
import type { Clock, Logger } from "../../ports.ts";
import { toError } from "../../util.ts";

export interface TailOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Creates an ordered consumer from number `from` on; `last` is the stream's last number before. */
  readonly consume: (
    from: number,
  ) => Promise<{ readonly consumer: Consumer; readonly last: number }>;
  /** The first number. */
  readonly next: number;
  readonly receive: (number: number, data: Uint8Array) => void;
  /** Called when the consumer has nothing pending although `from` to `last` have not arrived. */
  readonly silent: (from: number, last: number) => void;
}

const RETRY_MS = 250;
const AT_ONCE = 200;
/** Idle heartbeats of the server; two that are missed end the consumer. */
const HEARTBEAT_MS = 1000;
const EXPIRES_MS = 10_000;

export class Tail {
  readonly #options: TailOptions;
  #next: number;
  #messages: ConsumerMessages | undefined;
  #stopped = false;
  #wake: () => void = () => {};

  constructor(options: TailOptions) {
    this.#options = options;
    this.#next = options.next;
    void this.#run();
  }

  /** Creates the consumer again: it may be lost after a reconnect. */
  restart(): void {
    const messages = this.#messages;
    // Its last deliveries are ignored.
    this.#messages = undefined;
    messages?.stop();
    this.#wake();
  }

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

  /** Resolves when the consumer ends or misses heartbeats. */
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
        // An abandoned consumer may still deliver.
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
