/**
 * A crowd of publishes with incomplete bodies that stall, each on its own connection.
 *
 * @module
 */

/** The bodies of the crowd. */
export interface SlowBodiesOptions {
  readonly url: string;
  readonly publishKey: string;
  readonly count: number;
  /** The number of bytes of each body to send. */
  readonly bytes: number;
  /** True to declare a length of 4 MiB, false to send chunks. */
  readonly declared: boolean;
}

const DECLARED_BYTES = 4 * 1024 * 1024;

/** Open connections and their outcomes. */
export class SlowBodies implements Disposable {
  /** The number of answers by status. */
  readonly statuses: Record<string, number> = {};
  /** The number of connections that the gateway ended. */
  ended = 0;
  readonly #connections: Deno.Conn[] = [];
  readonly #answers: Promise<void>[] = [];
  readonly #ends: Promise<void>[] = [];
  #over = false;

  /** Opens all connections, and sends the incomplete bodies. */
  static async open(options: SlowBodiesOptions): Promise<SlowBodies> {
    const crowd = new SlowBodies();
    const { hostname, port } = new URL(options.url);
    const bytes = beginningOf(options);
    for (let index = 0; index < options.count; index++) {
      const connection = await Deno.connect({ hostname, port: Number(port) });
      crowd.#connections.push(connection);
      crowd.#watch(connection);
      await writeAll(connection, bytes).catch(() => {});
    }
    return crowd;
  }

  /** Resolves once the gateway has answered all of them. */
  async answered(): Promise<void> {
    await Promise.all(this.#answers);
  }

  /** Resolves once the gateway has ended all of them. */
  async allEnded(): Promise<void> {
    await Promise.all(this.#ends);
  }

  /** Ends the remaining ones. */
  [Symbol.dispose](): void {
    this.#over = true;
    for (const connection of this.#connections) connection.close();
  }

  #watch(connection: Deno.Conn): void {
    const answer = Promise.withResolvers<void>();
    this.#answers.push(answer.promise);
    this.#ends.push((async () => {
      const buffer = new Uint8Array(4096);
      let first = true;
      for (;;) {
        const count = await connection.read(buffer).catch(() => null);
        if (count === null) break;
        if (first) {
          const status = new TextDecoder().decode(buffer.subarray(9, 12));
          this.statuses[status] = (this.statuses[status] ?? 0) + 1;
          answer.resolve();
        }
        first = false;
      }
      answer.resolve();
      if (!this.#over) this.ended += 1;
    })());
  }
}

function beginningOf({ publishKey, bytes, declared }: SlowBodiesOptions): Uint8Array {
  const head = [
    "POST /messages HTTP/1.1",
    "Host: 127.0.0.1",
    `Authorization: Bearer ${publishKey}`,
    "Content-Type: application/json",
    declared ? `Content-Length: ${DECLARED_BYTES}` : "Transfer-Encoding: chunked",
  ].join("\r\n");
  const body = "[".repeat(bytes);
  const sent = declared ? body : `${bytes.toString(16)}\r\n${body}\r\n`;
  return new TextEncoder().encode(`${head}\r\n\r\n${sent}`);
}

async function writeAll(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}
