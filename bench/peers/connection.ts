/**
 * A client that counts deliveries. Once open, it reads frame headers only and parses no payloads.
 *
 * @module
 */

import { parseFrame, type WireFrame, WireOp } from "../../tests/conformance/support/wire.ts";
import { WireConnection } from "../support/wire_connection.ts";
import { MARKER, type Protocol } from "./protocols.ts";

const MARKER_BYTE = MARKER.charCodeAt(0);
/** The first opcode of control frames. */
const FIRST_CONTROL_OPCODE = WireOp.Close;

export interface Endpoint {
  readonly port: number;
  readonly protocol: Protocol;
}

export interface Listener {
  /** Called with the number of deliveries since the last call. */
  delivered(count: number): void;
  /** Called if the connection ends unexpectedly. */
  failed(error: Error): void;
}

export interface ConnectOptions {
  /** For servers that identify their clients. */
  readonly token: string;
  /** The size of the receive buffer. */
  readonly bufferBytes: number;
}

export class Connection implements Disposable {
  deliveries = 0;
  readonly #wire: WireConnection;
  readonly #protocol: Protocol;
  /** Bytes of the current data frame that have not arrived. */
  #payloadLeft = 0;

  private constructor(wire: WireConnection, protocol: Protocol) {
    this.#wire = wire;
    this.#protocol = protocol;
  }

  /** Connects and follows the server's protocol until it sends messages. */
  static async open(
    { port, protocol }: Endpoint,
    { token, bufferBytes }: ConnectOptions,
  ): Promise<Connection> {
    const wire = await WireConnection.open(`ws://127.0.0.1:${port}${protocol.path}`, bufferBytes);
    const connection = new Connection(wire, protocol);
    try {
      await connection.#converse(token);
      return connection;
    } catch (error) {
      connection[Symbol.dispose]();
      throw error;
    }
  }

  /** Returns the next data frame. Not after {@linkcode count}. */
  async next(): Promise<WireFrame> {
    for (;;) {
      const parsed = parseFrame(this.#wire.received);
      if (parsed === undefined) {
        await this.#wire.read();
        continue;
      }
      this.#wire.consume(parsed.bytes);
      if (parsed.frame.opcode < FIRST_CONTROL_OPCODE) return parsed.frame;
      this.#control(parsed.frame);
    }
  }

  /** Sends text in one frame. */
  async send(text: string): Promise<void> {
    const opcode = this.#protocol.binary ? WireOp.Binary : WireOp.Text;
    await this.#wire.send({ opcode, payload: text });
  }

  async count(listener: Listener): Promise<void> {
    try {
      for (;;) {
        await this.#wire.read();
        const count = this.#scan();
        this.deliveries += count;
        if (count > 0) listener.delivered(count);
      }
    } catch (cause) {
      if (this.#wire.disposed) return;
      this[Symbol.dispose]();
      listener.failed(cause instanceof Error ? cause : new Error(String(cause)));
    }
  }

  /** Closes the WebSocket, and waits for the end of the TCP connection. Not after `count()`. */
  async close(): Promise<void> {
    await this.#wire.send({ opcode: WireOp.Close, payload: new Uint8Array([0x03, 0xe8]) });
    await this.#wire.ended();
  }

  [Symbol.dispose](): void {
    this.#wire[Symbol.dispose]();
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

  /** Consumes what was received. Returns the number of deliveries that are complete. */
  #scan(): number {
    const buffer = this.#wire.received;
    const end = buffer.length;
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
    this.#wire.consume(at);
    return deliveries;
  }

  #control({ opcode, payload }: WireFrame): void {
    if (opcode === WireOp.Ping) {
      // If a write fails, the next read does, too, and is reported.
      this.#wire.send({ opcode: WireOp.Pong, payload }).catch(() => {});
    }
    if (opcode !== WireOp.Close) return;
    const [high = 0, low = 0] = payload;
    throw new Error(`the server closed with ${high * 256 + low}`);
  }
}

function countMarkers(bytes: Uint8Array): number {
  let count = 0;
  for (let at = bytes.indexOf(MARKER_BYTE); at !== -1; at = bytes.indexOf(MARKER_BYTE, at + 1)) {
    count += 1;
  }
  return count;
}
