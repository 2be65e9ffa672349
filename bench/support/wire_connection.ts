/**
 * A WebSocket client that costs the machine as little as Deno allows: a bare TCP connection whose received
 * bytes its owner parses.
 *
 * @module
 */

import { encodeFrame, type FrameSpec } from "../../tests/conformance/support/wire.ts";

const HEAD_END = "\r\n\r\n";

/** A connection after its handshake. */
export class WireConnection implements Disposable {
  readonly #tcp: Deno.TcpConn;
  readonly #buffer: Uint8Array<ArrayBuffer>;
  #end = 0;
  #disposed = false;

  private constructor(tcp: Deno.TcpConn, bufferBytes: number) {
    this.#tcp = tcp;
    this.#buffer = new Uint8Array(bufferBytes);
  }

  /** Connects to the `http:` or `ws:` URL. @param bufferBytes no frame may be longer */
  static async open(url: string, bufferBytes: number): Promise<WireConnection> {
    const { hostname, port, host, pathname, search } = new URL(url);
    const tcp = await Deno.connect({ hostname, port: Number(port) });
    const connection = new WireConnection(tcp, bufferBytes);
    try {
      tcp.setNoDelay();
      await connection.#shakeHands(host, pathname + search);
      return connection;
    } catch (error) {
      connection[Symbol.dispose]();
      throw error;
    }
  }

  /** True if this side has ended it. */
  get disposed(): boolean {
    return this.#disposed;
  }

  /** The bytes that were received and not consumed. Valid until the next call. */
  get received(): Uint8Array {
    return this.#buffer.subarray(0, this.#end);
  }

  /** Appends to {@linkcode received}. Returns the time at which it was read. */
  async read(): Promise<number> {
    if (this.#end === this.#buffer.length) throw new Error("a frame is longer than the buffer");
    const count = await this.#tcp.read(this.#buffer.subarray(this.#end));
    const atMs = performance.now();
    if (count === null) throw new Error("the server hung up");
    this.#end += count;
    return atMs;
  }

  /** Removes the first `bytes` of {@linkcode received}. */
  consume(bytes: number): void {
    this.#buffer.copyWithin(0, bytes, this.#end);
    this.#end -= bytes;
  }

  async send(frame: FrameSpec): Promise<void> {
    await this.#write(encodeFrame(frame));
  }

  /** Waits for the end of the TCP connection, and disposes of it. */
  async ended(): Promise<void> {
    while (await this.#tcp.read(this.#buffer).catch(() => null) !== null);
    this[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#tcp.close();
  }

  async #shakeHands(host: string, path: string): Promise<void> {
    const lines = [
      `GET ${path} HTTP/1.1`,
      `Host: ${host}`,
      "Connection: Upgrade",
      "Upgrade: websocket",
      "Sec-WebSocket-Version: 13",
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ];
    await this.#write(new TextEncoder().encode(lines.join("\r\n") + HEAD_END));
    for (;;) {
      await this.read();
      const text = new TextDecoder("latin1").decode(this.received);
      const end = text.indexOf(HEAD_END);
      if (end === -1) continue;
      if (!text.startsWith("HTTP/1.1 101")) throw new Error(`no WebSocket: ${text}`);
      return this.consume(end + HEAD_END.length);
    }
  }

  async #write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) at += await this.#tcp.write(bytes.subarray(at));
  }
}
