/**
 * A crowd of TCP connections that never finish a request: half of them silent, half of them sending a byte of
 * its head each second.
 *
 * @module
 */

import { pause } from "./wait.ts";

/** The ends of the connections of one kind. */
export interface Ends {
  /** The number that the gateway ended. */
  count: number;
  /** The time for which the first and the last of them were open, in milliseconds. */
  firstMs: number;
  lastMs: number;
}

/** Open connections. */
export class Crowd implements Disposable {
  readonly silent: Ends = { count: 0, firstMs: Infinity, lastMs: 0 };
  readonly dripping: Ends = { count: 0, firstMs: Infinity, lastMs: 0 };
  readonly #connections: Deno.Conn[] = [];
  readonly #ends: Promise<void>[] = [];
  #over = false;

  /** Opens `each` silent and `each` dripping connections to `port`. */
  static async open(port: number, each: number): Promise<Crowd> {
    const crowd = new Crowd();
    for (let index = 0; index < each; index++) {
      await crowd.#add(port, crowd.silent);
      const connection = await crowd.#add(port, crowd.dripping);
      void crowd.#drip(connection).catch(() => {});
    }
    return crowd;
  }

  /** Resolves once the gateway has ended all of them. */
  async ended(): Promise<void> {
    await Promise.all(this.#ends);
  }

  /** Ends the remaining ones. */
  [Symbol.dispose](): void {
    this.#over = true;
    for (const connection of this.#connections) connection.close();
  }

  async #add(port: number, ends: Ends): Promise<Deno.Conn> {
    const connection = await Deno.connect({ port });
    const from = performance.now();
    this.#connections.push(connection);
    this.#ends.push((async () => {
      await connection.read(new Uint8Array(1)).catch(() => null);
      if (this.#over) return;
      const ms = performance.now() - from;
      ends.count += 1;
      ends.firstMs = Math.min(ends.firstMs, ms);
      ends.lastMs = Math.max(ends.lastMs, ms);
    })());
    return connection;
  }

  async #drip(connection: Deno.Conn): Promise<void> {
    const head = new TextEncoder().encode(`GET / HTTP/1.1\r\nHost: x\r\nX: ${"x".repeat(1000)}`);
    for (let at = 0; !this.#over && at < head.length; at++) {
      await connection.write(head.subarray(at, at + 1));
      await pause(1000);
    }
  }
}
