/**
 * Many clients of one server, and how many deliveries they have together.
 *
 * @module
 */

import { within } from "../../tests/conformance/support/wait.ts";
import { Connection, type Endpoint } from "./connection.ts";

/** Connections that are being made at once. */
const CONNECTING_AT_ONCE = 32;

/** How to connect. */
export interface CrowdOptions {
  /** One for each client. */
  readonly tokens: readonly string[];
  /** Of the receive buffer of each client. */
  readonly bufferBytes: number;
}

/** Clients that count. */
export class Crowd implements Disposable {
  readonly #connections: Connection[] = [];
  readonly #failure = Promise.withResolvers<never>();
  #deliveries = 0;
  /** Deliveries to each that {@linkcode reach} has promised so far. */
  #expected = 0;
  #awaited: { readonly deliveries: number; readonly resolve: () => void } | undefined;

  private constructor() {
    this.#failure.promise.catch(() => {});
  }

  /** Connects one client for each token. */
  static async connect(endpoint: Endpoint, options: CrowdOptions): Promise<Crowd> {
    const crowd = new Crowd();
    try {
      await crowd.#connect(endpoint, options);
      return crowd;
    } catch (error) {
      crowd[Symbol.dispose]();
      throw error;
    }
  }

  /** How many there are. */
  get size(): number {
    return this.#connections.length;
  }

  /** Waits until the clients have `messages` more each, counted from the last call. */
  async reach(messages: number): Promise<void> {
    this.#expected += messages;
    const deliveries = this.#expected * this.size;
    if (this.#deliveries < deliveries) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#awaited = { deliveries, resolve };
      const what = `${deliveries} deliveries`;
      try {
        await within(what, Promise.race([promise, this.#failure.promise]), { limitMs: 60_000 });
      } catch (cause) {
        throw new Error(`${this.#deliveries} of ${what} came`, { cause });
      }
    }
  }

  /** Fails unless every client has exactly what was expected, and none is lost. */
  async verify(): Promise<void> {
    await Promise.race([this.#failure.promise, Promise.resolve()]);
    const wrong = this.#connections.filter(({ deliveries }) => deliveries !== this.#expected);
    if (wrong.length === 0) return;
    const [first] = wrong;
    throw new Error(
      `${wrong.length} of ${this.size} clients have not ${this.#expected} deliveries; ` +
        `the first has ${first?.deliveries}`,
    );
  }

  /** Hangs all of them up. */
  [Symbol.dispose](): void {
    for (const connection of this.#connections) connection[Symbol.dispose]();
  }

  async #connect(endpoint: Endpoint, { tokens, bufferBytes }: CrowdOptions): Promise<void> {
    const listener = {
      delivered: (count: number) => {
        this.#deliveries += count;
        if (this.#awaited === undefined || this.#deliveries < this.#awaited.deliveries) return;
        this.#awaited.resolve();
        this.#awaited = undefined;
      },
      failed: (error: Error) => this.#failure.reject(error),
    };
    await inParallel(tokens, CONNECTING_AT_ONCE, async (token) => {
      const connection = await Connection.open(endpoint, { token, bufferBytes });
      this.#connections.push(connection);
      void connection.count(listener);
    });
  }
}

/** Does `work` with each item, `atOnce` at a time. */
export async function inParallel<T>(
  items: readonly T[],
  atOnce: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const waiting = items.values();
  const worker = async (): Promise<void> => {
    for (const item of waiting) await work(item);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}
