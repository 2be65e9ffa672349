/**
 * A WebSocket client that costs the machine as little as Deno allows: a TCP connection that reads frame
 * headers only and counts deliveries. It parses nothing of what it is sent once it is open.
 *
 * @module
 */

import {
  encodeFrame,
  parseFrame,
  type WireFrame,
  WireOp,
} from "../../tests/conformance/support/wire.ts";
import { MARKER, type Protocol } from "./protocols.ts";

const HEAD_END = "\r\n\r\n";
const MARKER_BYTE = MARKER.charCodeAt(0);
/** Opcodes from this one on are control frames. */
const FIRST_CONTROL_OPCODE = WireOp.Close;

/** A server to connect to. */
export interface Endpoint {
  readonly port: number;
  readonly protocol: Protocol;
}

/** Hears of what a connection counts. */
export interface Listener {
  /** So many deliveries came since the last call. */
  delivered(count: number): void;
  /** It has ended although nobody closed it. */
  failed(error: Error): void;
}

/** How to connect. */
export interface ConnectOptions {
  /** Identifies the client where the server wants it. */
  readonly token: string;
  /** Of the receive buffer. */
  readonly bufferBytes: number;
}

/** An open connection. */
export class Connection implements Disposable {
  /** Since it was opened. */
  deliveries = 0;
  readonly #tcp: Deno.TcpConn;
  readonly #protocol: Protocol;
  readonly #buffer: Uint8Array<ArrayBuffer>;
  /** Bytes at the start of the buffer that are not parsed yet. */
  #held = 0;
  /** Bytes of the current data frame that are still to come. */
  #payloadLeft = 0;
  #disposed = false;

  private constructor(tcp: Deno.TcpConn, protocol: Protocol, bufferBytes: number) {
    this.#tcp = tcp;
    this.#protocol = protocol;
    this.#buffer = new Uint8Array(bufferBytes);
  }

  /** Connects and follows the server's protocol until messages can come. */
  static async open(
    { port, protocol }: Endpoint,
    { token, bufferBytes }: ConnectOptions,
  ): Promise<Connection> {
    const tcp = await Deno.connect({ hostname: "127.0.0.1", port });
    const connection = new Connection(tcp, protocol, bufferBytes);
    try {
      tcp.setNoDelay();
      await connection.#shakeHands(port);
      await connection.#converse(token);
      return connection;
    } catch (error) {
      connection[Symbol.dispose]();
      throw error;
    }
  }

  /** The next data frame. Not after {@linkcode count}. */
  async next(): Promise<WireFrame> {
    for (;;) {
      const parsed = parseFrame(this.#buffer.subarray(0, this.#held));
      if (parsed === undefined) {
        this.#held = await this.#read();
        continue;
      }
      this.#drop(parsed.bytes);
      if (parsed.frame.opcode < FIRST_CONTROL_OPCODE) return parsed.frame;
      this.#control(parsed.frame);
    }
  }

  /** Sends text in one frame, of the kind that the server takes. */
  async send(text: string): Promise<void> {
    const opcode = this.#protocol.binary ? WireOp.Binary : WireOp.Text;
    await this.#write(encodeFrame({ opcode, payload: text }));
  }

  /** Counts deliveries from now on. */
  async count(listener: Listener): Promise<void> {
    try {
      for (;;) {
        const count = this.#scan(await this.#read());
        this.deliveries += count;
        if (count > 0) listener.delivered(count);
      }
    } catch (cause) {
      if (this.#disposed) return;
      this[Symbol.dispose]();
      listener.failed(cause instanceof Error ? cause : new Error(String(cause)));
    }
  }

  /** Closes as RFC 6455 says, and waits for the end of the TCP connection. Not after `count()`. */
  async close(): Promise<void> {
    await this.#write(encodeFrame({ opcode: WireOp.Close, payload: new Uint8Array([0x03, 0xe8]) }));
    while (await this.#tcp.read(this.#buffer).catch(() => null) !== null);
    this[Symbol.dispose]();
  }

  /** Hangs up. */
  [Symbol.dispose](): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#tcp.close();
  }

  async #shakeHands(port: number): Promise<void> {
    const lines = [
      `GET ${this.#protocol.path} HTTP/1.1`,
      `Host: 127.0.0.1:${port}`,
      "Connection: Upgrade",
      "Upgrade: websocket",
      "Sec-WebSocket-Version: 13",
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ];
    await this.#write(new TextEncoder().encode(lines.join("\r\n") + HEAD_END));
    for (;;) {
      this.#held = await this.#read();
      const text = new TextDecoder("latin1").decode(this.#buffer.subarray(0, this.#held));
      const end = text.indexOf(HEAD_END);
      if (end === -1) continue;
      if (!text.startsWith("HTTP/1.1 101")) throw new Error(`no WebSocket: ${text}`);
      return this.#drop(end + HEAD_END.length);
    }
  }

  async #converse(token: string): Promise<void> {
    let text: string | undefined;
    for (;;) {
      const { send, open } = this.#protocol.step(text, token);
      if (open) return;
      if (send !== undefined) await this.send(send);
      text = new TextDecoder().decode((await this.next()).payload);
    }
  }

  /** Appends to what is held. Returns where the buffer's contents end then. */
  async #read(): Promise<number> {
    if (this.#held === this.#buffer.length) throw new Error("a frame is longer than the buffer");
    const count = await this.#tcp.read(this.#buffer.subarray(this.#held));
    if (count === null) throw new Error("the server hung up");
    return this.#held + count;
  }

  /** Takes the buffer's first `end` bytes. Returns how many deliveries were completed. */
  #scan(end: number): number {
    const buffer = this.#buffer;
    const packs = this.#protocol.packs === true;
    let deliveries = 0;
    let at = 0;
    for (;;) {
      if (this.#payloadLeft > 0) {
        const stop = Math.min(end, at + this.#payloadLeft);
        if (packs) deliveries += countMarkers(buffer.subarray(at, stop));
        this.#payloadLeft -= stop - at;
        at = stop;
        if (this.#payloadLeft > 0) break;
        if (!packs) deliveries += 1;
      }
      if (end - at < 2) break;
      const opcode = (buffer[at] ?? 0) & 0x0f;
      if (opcode >= FIRST_CONTROL_OPCODE) {
        const parsed = parseFrame(buffer.subarray(at, end));
        if (parsed === undefined) break;
        at += parsed.bytes;
        this.#control(parsed.frame);
        continue;
      }
      const short = buffer[at + 1] ?? 0;
      const headerBytes = short < 126 ? 2 : short === 126 ? 4 : 10;
      if (end - at < headerBytes) break;
      let length = short < 126 ? short : 0;
      for (let each = 2; each < headerBytes; each++) {
        length = length * 256 + (buffer[at + each] ?? 0);
      }
      this.#payloadLeft = length;
      at += headerBytes;
    }
    buffer.copyWithin(0, at, end);
    this.#held = end - at;
    return deliveries;
  }

  #control({ opcode, payload }: WireFrame): void {
    if (opcode === WireOp.Ping) {
      // A connection that cannot be written to cannot be read from either, and that is reported.
      this.#write(encodeFrame({ opcode: WireOp.Pong, payload })).catch(() => {});
    }
    if (opcode !== WireOp.Close) return;
    const [high = 0, low = 0] = payload;
    throw new Error(`the server closed with ${high * 256 + low}`);
  }

  #drop(bytes: number): void {
    this.#buffer.copyWithin(0, bytes, this.#held);
    this.#held -= bytes;
  }

  async #write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) at += await this.#tcp.write(bytes.subarray(at));
  }
}

function countMarkers(bytes: Uint8Array): number {
  let count = 0;
  for (let at = bytes.indexOf(MARKER_BYTE); at !== -1; at = bytes.indexOf(MARKER_BYTE, at + 1)) {
    count += 1;
  }
  return count;
}
