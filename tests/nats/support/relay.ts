/**
 * A network between a node and NATS that can be interrupted like a pulled cable: then nothing arrives or closes,
 * and new connections hang. Afterwards, data in flight arrives.
 *
 * @module
 */

/** A relay to one server, on its own port. */
export class Relay implements Disposable {
  readonly #listener: Deno.TcpListener;
  readonly #target: number;
  readonly #connections = new Set<Deno.TcpConn>();
  #healed: PromiseWithResolvers<void> = healthy();
  #losing = false;
  #waiting = Promise.withResolvers<void>();

  /** Relays to the NATS at `url`. */
  constructor(url: string) {
    this.#target = Number(new URL(url).port);
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    void this.#accept();
  }

  /** The URL of the relay, for a node. */
  get url(): string {
    return `nats://127.0.0.1:${this.#listener.addr.port}`;
  }

  /** Interrupts the network. */
  cut(): void {
    this.#healed = Promise.withResolvers();
    this.#waiting = Promise.withResolvers();
  }

  /** Restores it; data in flight arrives first. */
  heal(): void {
    this.#healed.resolve();
  }

  /** Resolves when a client has connected since the interruption, and waits. */
  connecting(): Promise<void> {
    return this.#waiting.promise;
  }

  /** Drops what the server sends; the node's data still arrives. */
  loseAnswers(): void {
    this.#losing = true;
  }

  /** Ends every connection; new ones lose nothing. */
  drop(): void {
    this.#losing = false;
    for (const connection of [...this.#connections]) this.#close(connection);
  }

  /** Ends it and its connections. */
  [Symbol.dispose](): void {
    this.heal();
    this.#listener.close();
    this.drop();
  }

  async #accept(): Promise<void> {
    for await (const near of this.#listener) {
      this.#connections.add(near);
      this.#waiting.resolve();
      void this.#connect(near);
    }
  }

  async #connect(near: Deno.TcpConn): Promise<void> {
    await this.#healed.promise;
    try {
      const far = await Deno.connect({ hostname: "127.0.0.1", port: this.#target });
      this.#connections.add(far);
      await Promise.race([
        this.#pass(near, far),
        this.#pass(far, near, () => this.#losing),
      ]);
      this.#close(far);
    } catch {
      // The server is down, so the node must see its connection end.
    }
    this.#close(near);
  }

  async #pass(
    from: Deno.TcpConn,
    to: Deno.TcpConn,
    loses: () => boolean = () => false,
  ): Promise<void> {
    const buffer = new Uint8Array(65_536);
    try {
      for (;;) {
        const count = await from.read(buffer);
        // An end is delayed like data.
        await this.#healed.promise;
        if (count === null) return;
        for (let sent = 0; sent < count && !loses();) {
          sent += await to.write(buffer.subarray(sent, count));
        }
      }
    } catch {
      // One side has ended.
    }
  }

  #close(connection: Deno.TcpConn): void {
    if (!this.#connections.delete(connection)) return;
    connection.close();
  }
}

function healthy(): PromiseWithResolvers<void> {
  const healed = Promise.withResolvers<void>();
  healed.resolve();
  return healed;
}
