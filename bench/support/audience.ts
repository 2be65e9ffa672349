/**
 * Receivers of one channel, spread evenly over the nodes of a deployment, and rounds of messages to them:
 * who got what, and how long after it was sent.
 *
 * A round is over when every receiver has every message, and fails when one is missing, comes twice, or
 * belongs to another round.
 *
 * @module
 */

import { claims, SECRET, shared, sign } from "../../tests/conformance/support/issuer.ts";
import { within } from "../../tests/conformance/support/wait.ts";
import { Receiver } from "./receiver.ts";

/** Connections that are being made at once. */
const CONNECTING_AT_ONCE = 32;

/** Connections of one channel. */
export class Audience implements Disposable {
  /** Their channel. */
  readonly channel: string;
  /** Heartbeats that were answered. */
  beats = 0;
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
    { size, channel, connecting = (work) => work() }: {
      readonly size: number;
      readonly channel: string;
      readonly connecting?: (work: () => Promise<void>) => Promise<void>;
    },
  ): Promise<Audience> {
    const audience = new Audience(channel);
    const tokens = await Promise.all(
      Array.from({ length: size }, (_, index) => token(`${channel}-${index}`, channel)),
    );
    try {
      await connecting(() => audience.#connect(urls, tokens));
      return audience;
    } catch (error) {
      audience[Symbol.dispose]();
      throw error;
    }
  }

  /** How many there are. */
  get size(): number {
    return this.#receivers.length;
  }

  /** Begins a round of `messages` messages. */
  begin(messages: number): Round {
    const { channel, size } = this;
    return this.#round = new Round({ channel, receivers: size, messages }, this.#failure.promise);
  }

  /** Does `work`, but fails as soon as a receiver is lost. */
  async whole<T>(work: Promise<T>): Promise<T> {
    return await Promise.race([work, this.#failure.promise]);
  }

  /** Hangs all of them up. */
  [Symbol.dispose](): void {
    for (const receiver of this.#receivers) receiver[Symbol.dispose]();
  }

  async #connect(urls: readonly string[], tokens: readonly string[]): Promise<void> {
    const waiting = [...tokens.entries()].reverse();
    const one = async (): Promise<void> => {
      for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
        const [index, token] = next;
        const listener = {
          message: (content: unknown, atMs: number) => this.#heard(index, content, atMs),
          beat: () => {
            this.beats += 1;
          },
          failed: (error: Error) => this.#failure.reject(error),
        };
        const url = urls[index % urls.length] ?? "";
        this.#receivers.push(await Receiver.connect(url, { token, listener }));
      }
    };
    await Promise.all(Array.from({ length: CONNECTING_AT_ONCE }, one));
  }

  #heard(receiver: number, content: unknown, atMs: number): void {
    if (this.#round === undefined) throw new Error("a message came before the first round");
    this.#round.heard(receiver, content, atMs);
  }
}

/** A token of `user` in `channel`, signed with the secret of every deployment. */
async function token(user: string, channel: string): Promise<string> {
  return await sign(claims({ sub: user, channels: [channel] }), shared(SECRET));
}

/** Of what a round consists. */
interface RoundOptions {
  readonly channel: string;
  readonly receivers: number;
  readonly messages: number;
}

let rounds = 0;

/** Messages to one audience. */
export class Round {
  readonly #options: RoundOptions;
  readonly #number = ++rounds;
  readonly #lost: Promise<never>;
  readonly #sentMs: Float64Array;
  /** Message by message, of each receiver; NaN until it came. */
  readonly #latenciesMs: Float64Array;
  readonly #complete = Promise.withResolvers<void>();
  #deliveries = 0;

  /** @param lost fails when a receiver is lost */
  constructor(options: RoundOptions, lost: Promise<never>) {
    this.#options = options;
    this.#lost = lost;
    this.#sentMs = new Float64Array(options.messages).fill(NaN);
    this.#latenciesMs = new Float64Array(options.messages * options.receivers).fill(NaN);
  }

  /** The body of message `index`, which is taken to be sent now. */
  body(index: number): string {
    this.#sentMs[index] = performance.now();
    const content = { round: this.#number, index, text: "a message of chat ".repeat(4) };
    return JSON.stringify({ channel: this.#options.channel, author: "7", content });
  }

  /** Takes what a receiver got. */
  heard(receiver: number, content: unknown, atMs: number): void {
    const { round, index } = content as { readonly round: number; readonly index: number };
    const at = index * this.#options.receivers + receiver;
    if (round !== this.#number || !Number.isNaN(this.#latenciesMs[at])) {
      throw new Error(`receiver ${receiver} got message ${index} of round ${round} again or late`);
    }
    this.#latenciesMs[at] = atMs - (this.#sentMs[index] ?? NaN);
    this.#deliveries += 1;
    if (this.#deliveries === this.#latenciesMs.length) this.#complete.resolve();
  }

  /** Waits until every receiver has every message. Returns how many deliveries that were. */
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
