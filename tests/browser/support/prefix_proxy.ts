/**
 * A reverse proxy that serves a gateway under a prefix and strips the prefix, like Caddy's `handle_path`; other
 * paths are 404. WebSockets pass through.
 *
 * @module
 */

const HEAD_END = "\r\n\r\n";

/** The proxy, which listens on a free port of loopback. */
export class PrefixProxy implements Disposable {
  /** Its URL without the prefix. */
  readonly url: string;
  readonly #listener: Deno.TcpListener;
  readonly #target: URL;
  readonly #prefix: string;

  /** @param target the gateway's URL; @param prefix such as `/chat` */
  constructor(target: string, prefix: string) {
    this.#target = new URL(target);
    this.#prefix = prefix;
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.url = `http://127.0.0.1:${this.#listener.addr.port}`;
    void this.#accept();
  }

  [Symbol.dispose](): void {
    this.#listener.close();
  }

  async #accept(): Promise<void> {
    for await (const connection of this.#listener) {
      // A page may go away during an answer.
      this.#pass(connection).catch(() => {});
    }
  }

  async #pass(client: Deno.TcpConn): Promise<void> {
    using _client = client;
    const head = await readHead(client);
    const path = /^\S+ (\S+)/.exec(head)?.[1] ?? "";
    if (!path.startsWith(`${this.#prefix}/`)) {
      const answer = `HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close${HEAD_END}`;
      await client.write(new TextEncoder().encode(answer));
      return;
    }
    const { hostname, port } = this.#target;
    using gateway = await Deno.connect({ hostname, port: Number(port) });
    const stripped = head.replace(path, path.slice(this.#prefix.length));
    // One request per connection, so that only one head must be rewritten.
    const single = /^upgrade:/im.test(head)
      ? stripped
      : stripped.replace(/^connection:.*\r\n/im, "").replace("\r\n", "\r\nConnection: close\r\n");
    await gateway.write(new TextEncoder().encode(single));
    const ended = { preventClose: true };
    await Promise.race([
      client.readable.pipeTo(gateway.writable, ended),
      gateway.readable.pipeTo(client.writable, ended),
    ]);
  }
}

/** The head of a request, with the part of the body that came along; these bodies are ASCII. */
async function readHead(connection: Deno.TcpConn): Promise<string> {
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(16_384);
  let head = "";
  while (!head.includes(HEAD_END)) {
    const count = await connection.read(buffer);
    if (count === null) throw new Error("the connection ended before its request");
    head += decoder.decode(buffer.subarray(0, count));
  }
  return head;
}
