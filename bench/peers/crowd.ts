/**
 * Many clients of one server, and the number of their deliveries.
 *
 * @module
 */

import { within } from "../../tests/conformance/support/wait.ts";
import { CONNECTING_AT_ONCE, inParallel } from "../support/parallel.ts";
import { Connection, type Endpoint } from "./connection.ts";

export interface CrowdOptions {
  /** One for each client. */
  readonly tokens: readonly string[];
  /** The size of each client's receive buffer. */
  readonly bufferBytes: number;
}

export class Crowd implements Disposable {
  readonly #connections: Connection[] = [];
  readonly #failure = Promise.withResolvers<never>();
  #deliveries = 0;
  /** Deliveries to each client that {@linkcode reach} has awaited so far. */
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

  get size(): number {
    return this.#connections.length;
  }

  /** Waits until each client has received `messages` more since the last call. */
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

  /** Rejects unless every client has exactly the awaited deliveries. */
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
