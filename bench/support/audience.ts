/**
 * Receivers of one channel, distributed evenly over the nodes of a deployment, and rounds of messages to them with
 * their latencies. A round is complete when every receiver has every message; it fails if one is missing, is
 * delivered twice, or belongs to another round.
 *
 * @module
 */

import { within } from "../../tests/conformance/support/wait.ts";
import { CHAT_TEXT, signToken } from "./deployment.ts";
import { CONNECTING_AT_ONCE, inParallel } from "./parallel.ts";
import { Receiver } from "./receiver.ts";

/** Receivers of one channel. */
export class Audience implements Disposable {
  readonly channel: string;
  /** Heartbeats that were answered. */
  heartbeats = 0;
  /** Signals that were received. */
  signals = 0;
  readonly #receivers: Receiver[] = [];
  readonly #failure = Promise.withResolvers<never>();
  #round: Round | undefined;

  private constructor(channel: string) {
    this.channel = channel;
    this.#failure.promise.catch(() => {});
  }

  /**
   * Signs a token for each of `size` users and connects them: receiver `i` to URL `i` modulo their number.
   *
   * @param connecting does the connecting, so that it can be measured; tokens are signed before it
   */
  static async connect(
    urls: readonly string[],
    { size, channel, signals = false, connecting = (work) => work() }: {
      readonly size: number;
      readonly channel: string;
      /** Asks for signals. */
      readonly signals?: boolean;
      readonly connecting?: (work: () => Promise<void>) => Promise<void>;
    },
  ): Promise<Audience> {
    const audience = new Audience(channel);
    const tokens = await Promise.all(
      Array.from({ length: size }, (_, index) => signToken(`${channel}-${index}`, channel)),
    );
    try {
      await connecting(() => audience.#connect(urls, { tokens, signals }));
      return audience;
    } catch (error) {
      audience[Symbol.dispose]();
      throw error;
    }
  }

  get size(): number {
    return this.#receivers.length;
  }

  /** Starts a round of `messages` messages. */
  begin(messages: number): Round {
    const { channel, size } = this;
    return this.#round = new Round({ channel, receivers: size, messages }, this.#failure.promise);
  }

  /** Awaits `work`, but rejects as soon as a receiver is lost. */
  async whole<T>(work: Promise<T>): Promise<T> {
    return await Promise.race([work, this.#failure.promise]);
  }

  [Symbol.dispose](): void {
    for (const receiver of this.#receivers) receiver[Symbol.dispose]();
  }

  async #connect(
    urls: readonly string[],
    { tokens, signals }: { readonly tokens: readonly string[]; readonly signals: boolean },
  ): Promise<void> {
    await inParallel([...tokens.entries()], CONNECTING_AT_ONCE, async ([index, token]) => {
      const listener = {
        message: (content: unknown, atMs: number) => this.#received(index, content, atMs),
        heartbeat: () => {
          this.heartbeats += 1;
        },
        signal: () => {
          this.signals += 1;
        },
        failed: (error: Error) => this.#failure.reject(error),
      };
      const url = urls[index % urls.length] ?? "";
      this.#receivers.push(await Receiver.connect(url, { token, listener, signals }));
    });
  }

  #received(receiver: number, content: unknown, atMs: number): void {
    if (this.#round === undefined) throw new Error("a message came before the first round");
    this.#round.received(receiver, content, atMs);
  }
}

interface RoundOptions {
  readonly channel: string;
  readonly receivers: number;
  readonly messages: number;
}

let rounds = 0;

export class Round {
  readonly #options: RoundOptions;
  readonly #number = ++rounds;
  readonly #lost: Promise<never>;
  readonly #sentMs: Float64Array;
  /** By message, then receiver; NaN until it was received. */
  readonly #latenciesMs: Float64Array;
  readonly #complete = Promise.withResolvers<void>();
  #deliveries = 0;

  /** @param lost rejects when a receiver is lost */
  constructor(options: RoundOptions, lost: Promise<never>) {
    this.#options = options;
    this.#lost = lost;
    this.#sentMs = new Float64Array(options.messages).fill(NaN);
    this.#latenciesMs = new Float64Array(options.messages * options.receivers).fill(NaN);
  }

  /** Returns the body of message `index`, and starts its latency. */
  body(index: number): string {
    this.#sentMs[index] = performance.now();
    const content = { round: this.#number, index, text: CHAT_TEXT };
    return JSON.stringify({ channel: this.#options.channel, author: "7", content });
  }

  received(receiver: number, content: unknown, atMs: number): void {
    const { round, index } = content as { readonly round: number; readonly index: number };
    const at = index * this.#options.receivers + receiver;
    if (round !== this.#number || !Number.isNaN(this.#latenciesMs[at])) {
      throw new Error(`receiver ${receiver} got message ${index} of round ${round} again or late`);
    }
    this.#latenciesMs[at] = atMs - (this.#sentMs[index] ?? NaN);
    this.#deliveries += 1;
    if (this.#deliveries === this.#latenciesMs.length) this.#complete.resolve();
  }

  /** Waits until every receiver has every message. Returns the number of deliveries. */
  async complete(): Promise<number> {
    const { channel } = this.#options;
    try {
      const complete = Promise.race([this.#complete.promise, this.#lost]);
      await within(`the deliveries to ${channel}`, complete);
    } catch (cause) {
      const expected = this.#latenciesMs.length;
      throw new Error(`${this.#deliveries} of ${expected} deliveries to ${channel}`, { cause });
    }
    return this.#deliveries;
  }

  /** From sending to each receipt, in milliseconds. */
  get latenciesMs(): readonly number[] {
    return [...this.#latenciesMs];
  }

  /** From sending to the first receipt of each message, in milliseconds. */
  get firstMs(): readonly number[] {
    return this.#ofEach((row) => Math.min(...row));
  }

  /** From sending to the last receipt of each message, in milliseconds. */
  get lastMs(): readonly number[] {
    return this.#ofEach((row) => Math.max(...row));
  }

  #ofEach(pick: (row: Float64Array) => number): readonly number[] {
    const { messages, receivers } = this.#options;
    return Array.from(
      { length: messages },
      (_, index) => pick(this.#latenciesMs.subarray(index * receivers, (index + 1) * receivers)),
    );
  }
}
