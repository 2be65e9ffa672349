/**
 * A kept-alive HTTP/1.1 connection that costs the machine little, so that a benchmark measures the server.
 * It reads answers with a Content-Length only.
 *
 * @module
 */

const HEAD_END = "\r\n\r\n";

/** Sends one request at a time. */
export class HttpConnection implements Disposable {
  readonly #tcp: Deno.TcpConn;
  readonly #host: string;
  readonly #buffer = new Uint8Array(1 << 16);
  readonly #decoder = new TextDecoder();

  private constructor(tcp: Deno.TcpConn, host: string) {
    this.#tcp = tcp;
    this.#host = host;
  }

  static async open(url: string): Promise<HttpConnection> {
    const { hostname, port, host } = new URL(url);
    const tcp = await Deno.connect({ hostname, port: Number(port) });
    tcp.setNoDelay();
    return new HttpConnection(tcp, host);
  }

  /** Encodes a POST of JSON, to be sent any number of times. */
  request(path: string, options: { readonly key: string; readonly body: string }): Uint8Array {
    const body = new TextEncoder().encode(options.body);
    const head = [
      `POST ${path} HTTP/1.1`,
      `Host: ${this.#host}`,
      `Authorization: Bearer ${options.key}`,
      "Content-Type: application/json",
      `Content-Length: ${body.length}`,
    ].join("\r\n") + HEAD_END;
    const bytes = new Uint8Array(head.length + body.length);
    bytes.set(new TextEncoder().encode(head));
    bytes.set(body, head.length);
    return bytes;
  }

  /** Returns the status, after the whole answer. */
  async send(request: Uint8Array): Promise<number> {
    for (let sent = 0; sent < request.length;) {
      sent += await this.#tcp.write(request.subarray(sent));
    }
    let text = "";
    for (;;) {
      const count = await this.#tcp.read(this.#buffer);
      if (count === null) throw new Error(`the server hung up after: ${text}`);
      text += this.#decoder.decode(this.#buffer.subarray(0, count));
      const end = text.indexOf(HEAD_END);
      if (end === -1) continue;
      const length = /\r\ncontent-length: *(\d+)/i.exec(text.slice(0, end))?.[1];
      if (length === undefined) throw new Error(`an answer without its length: ${text}`);
      // These answers are ASCII, so characters are bytes.
      if (text.length >= end + HEAD_END.length + Number(length)) return Number(text.slice(9, 12));
    }
  }

  [Symbol.dispose](): void {
    this.#tcp.close();
  }
}
