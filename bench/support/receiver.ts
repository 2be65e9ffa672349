/**
 * A client that costs the machine little, so that a benchmark with thousands of them measures the gateway:
 * a bare TCP connection that identifies, answers heartbeats, and hands on messages with the time at which
 * their bytes were read.
 *
 * @module
 */

import { encodeFrame, parseFrame, WireOp } from "../../tests/conformance/support/wire.ts";

const HEAD_END = "\r\n\r\n";
/** No frame that a benchmark asks for is longer. */
const BUFFER_BYTES = 4096;

/** Hears what a receiver gets. */
export interface ReceiverListener {
  /** A message, and when it was read, as `performance.now()` counts. */
  message(content: unknown, atMs: number): void;
  /** A heartbeat of the server, which has been answered. */
  beat(): void;
  /** It has ended although nobody closed it. */
  failed(error: Error): void;
}

/** What is read of a frame. */
interface Frame {
  readonly op: number;
  readonly time?: number;
  readonly content?: unknown;
}

/** A ready connection. */
export class Receiver implements Disposable {
  readonly #tcp: Deno.TcpConn;
  readonly #listener: ReceiverListener;
  readonly #token: string;
  readonly #buffer = new Uint8Array(BUFFER_BYTES);
  readonly #decoder = new TextDecoder();
  readonly #ready = Promise.withResolvers<void>();
  #end = 0;
  #disposed = false;

  private constructor(
    tcp: Deno.TcpConn,
    { token, listener }: { readonly token: string; readonly listener: ReceiverListener },
  ) {
    this.#tcp = tcp;
    this.#token = token;
    this.#listener = listener;
  }

  /** Connects to the gateway at `url`, an `http:` one, identifies, and waits for Ready. */
  static async connect(
    url: string,
    options: { readonly token: string; readonly listener: ReceiverListener },
  ): Promise<Receiver> {
    const { hostname, port, host } = new URL(url);
    const tcp = await Deno.connect({ hostname, port: Number(port) });
    tcp.setNoDelay();
    const receiver = new Receiver(tcp, options);
    void receiver.#run(host);
    await receiver.#ready.promise;
    return receiver;
  }

  /** Hangs up. */
  [Symbol.dispose](): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#tcp.close();
  }

  async #run(host: string): Promise<void> {
    try {
      await this.#shakeHands(host);
      for (let atMs = performance.now();; atMs = await this.#more()) this.#take(atMs);
    } catch (cause) {
      if (this.#disposed) return;
      const error = cause instanceof Error ? cause : new Error(String(cause));
      this.#ready.reject(error);
      this.#listener.failed(error);
      this[Symbol.dispose]();
    }
  }

  async #shakeHands(host: string): Promise<void> {
    const lines = [
      "GET /gateway HTTP/1.1",
      `Host: ${host}`,
      "Connection: Upgrade",
      "Upgrade: websocket",
      "Sec-WebSocket-Version: 13",
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ];
    await this.#write(new TextEncoder().encode(lines.join("\r\n") + HEAD_END));
    for (;;) {
      await this.#more();
      const text = this.#decoder.decode(this.#buffer.subarray(0, this.#end));
      const end = text.indexOf(HEAD_END);
      if (end === -1) continue;
      if (!text.startsWith("HTTP/1.1 101")) throw new Error(`no WebSocket: ${text}`);
      return this.#drop(end + HEAD_END.length);
    }
  }

  /** Reads what there is. Returns when it was read. */
  async #more(): Promise<number> {
    if (this.#end === this.#buffer.length) throw new Error("a frame is longer than the buffer");
    const count = await this.#tcp.read(this.#buffer.subarray(this.#end));
    const atMs = performance.now();
    if (count === null) throw new Error("the gateway hung up");
    this.#end += count;
    return atMs;
  }

  /** Takes the whole frames that there are. */
  #take(atMs: number): void {
    let start = 0;
    for (;;) {
      const parsed = parseFrame(this.#buffer.subarray(start, this.#end));
      if (parsed === undefined) break;
      start += parsed.bytes;
      const { opcode, payload } = parsed.frame;
      if (opcode === WireOp.Close) {
        throw new Error(`the gateway closed with ${new DataView(payload.buffer).getUint16(0)}`);
      }
      this.#frame(JSON.parse(this.#decoder.decode(payload)), atMs);
    }
    this.#drop(start);
  }

  #frame({ op, time, content }: Frame, atMs: number): void {
    switch (op) {
      case 0:
        return this.#send({ op: 1, token: this.#token });
      case 2:
        return this.#ready.resolve();
      case 3:
        return this.#listener.message(content, atMs);
      case 10:
        this.#send({ op: 11, time });
        return this.#listener.beat();
      default:
        throw new Error(`op ${op} was not to be expected`);
    }
  }

  #drop(bytes: number): void {
    this.#buffer.copyWithin(0, bytes, this.#end);
    this.#end -= bytes;
  }

  #send(frame: unknown): void {
    // A connection that cannot be written to cannot be read from either, and that is reported.
    this.#write(encodeFrame({ payload: JSON.stringify(frame) })).catch(() => {});
  }

  async #write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) at += await this.#tcp.write(bytes.subarray(at));
  }
}
