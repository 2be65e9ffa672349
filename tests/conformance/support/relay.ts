/**
 * A relay in front of a TCP server that can be cut, as a network is: nothing is closed, nothing arrives,
 * and whoever connects waits. What was sent meanwhile arrives when it is healed, as TCP's repetitions do
 * after a short cut.
 *
 * @module
 */

import { within } from "./wait.ts";

/** A way to a server on this machine. */
export class Relay implements Disposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #port: number;
  readonly #ends = new Set<Deno.Conn>();
  /** Settled while everything passes. */
  #passes: PromiseWithResolvers<void> = Promise.withResolvers();
  #someoneWaits: PromiseWithResolvers<void> = Promise.withResolvers();

  /** @param port of the server, on the loopback address */
  constructor(port: number) {
    this.#port = port;
    this.#passes.resolve();
    void this.#accept();
  }

  /** Where the relay is. */
  get port(): number {
    return this.#listener.addr.port;
  }

  /** From now on nothing passes, in either direction. */
  cut(): void {
    this.#passes = Promise.withResolvers();
    this.#someoneWaits = Promise.withResolvers();
  }

  /** Lets pass what was held, and everything after it. */
  heal(): void {
    this.#passes.resolve();
  }

  /** Resets every connection; what was held is lost. */
  reset(): void {
    for (const end of this.#ends) close(end);
  }

  /** Resolves when somebody has connected since the cut, and waits. */
  async connecting(): Promise<void> {
    await within("somebody to connect through the cut", this.#someoneWaits.promise);
  }

  /** Ends it, and every connection. */
  [Symbol.dispose](): void {
    this.#listener.close();
    this.reset();
    this.heal();
  }

  async #accept(): Promise<void> {
    try {
      for await (const client of this.#listener) void this.#serve(client);
    } catch {
      // The listener was closed between two connections.
    }
  }

  async #serve(client: Deno.Conn): Promise<void> {
    this.#ends.add(client);
    this.#someoneWaits.resolve();
    await this.#passes.promise;
    try {
      const server = await Deno.connect({ hostname: "127.0.0.1", port: this.#port });
      this.#ends.add(server);
      await Promise.all([this.#pump(client, server), this.#pump(server, client)]);
    } catch {
      // One end is gone, or both are.
    } finally {
      close(client);
      this.#ends.delete(client);
    }
  }

  /** Carries bytes, and their end, one way. */
  async #pump(from: Deno.Conn, to: Deno.Conn): Promise<void> {
    const buffer = new Uint8Array(65_536);
    try {
      for (;;) {
        const count = await from.read(buffer).catch(() => null);
        await this.#passes.promise;
        if (count === null) break;
        for (let at = 0; at < count;) at += await to.write(buffer.subarray(at, count));
      }
    } finally {
      close(from);
      close(to);
      this.#ends.delete(from);
      this.#ends.delete(to);
    }
  }
}

function close(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch {
    // It is closed already.
  }
}
