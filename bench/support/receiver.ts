/**
 * A client of the gateway that costs the machine little, so that a benchmark with thousands of them measures
 * the gateway: identifies, answers heartbeats, and passes messages on with the time at which they were read.
 *
 * @module
 */

import { parseFrame, WireOp } from "../../tests/conformance/support/wire.ts";
import { WireConnection } from "./wire_connection.ts";

/** No frame that a benchmark asks for is longer. */
const BUFFER_BYTES = 4096;

export interface ReceiverListener {
  /** Called with a message and the time at which it was read, as of `performance.now()`. */
  message(content: unknown, atMs: number): void;
  /** Called with each heartbeat that has been answered. */
  heartbeat(): void;
  /** Called if the connection ends unexpectedly. */
  failed(error: Error): void;
}

/** The fields of a frame that are read. */
interface Frame {
  readonly op: number;
  readonly time?: number;
  readonly content?: unknown;
}

/** A ready connection. */
export class Receiver implements Disposable {
  readonly #wire: WireConnection;
  readonly #listener: ReceiverListener;
  readonly #token: string;
  readonly #decoder = new TextDecoder();
  readonly #ready = Promise.withResolvers<void>();

  private constructor(
    wire: WireConnection,
    { token, listener }: { readonly token: string; readonly listener: ReceiverListener },
  ) {
    this.#wire = wire;
    this.#token = token;
    this.#listener = listener;
  }

  /** Connects to the gateway at `url`, an `http:` one, identifies, and waits for Ready. */
  static async connect(
    url: string,
    options: { readonly token: string; readonly listener: ReceiverListener },
  ): Promise<Receiver> {
    const wire = await WireConnection.open(`${url}/gateway`, BUFFER_BYTES);
    const receiver = new Receiver(wire, options);
    void receiver.#run();
    await receiver.#ready.promise;
    return receiver;
  }

  [Symbol.dispose](): void {
    this.#wire[Symbol.dispose]();
  }

  async #run(): Promise<void> {
    try {
      for (let atMs = performance.now();; atMs = await this.#wire.read()) this.#take(atMs);
    } catch (cause) {
      if (this.#wire.disposed) return;
      const error = cause instanceof Error ? cause : new Error(String(cause));
      this.#ready.reject(error);
      this.#listener.failed(error);
      this[Symbol.dispose]();
    }
  }

  /** Handles the complete frames that were received. */
  #take(atMs: number): void {
    const { received } = this.#wire;
    let start = 0;
    for (;;) {
      const parsed = parseFrame(received.subarray(start));
      if (parsed === undefined) break;
      start += parsed.bytes;
      const { opcode, payload } = parsed.frame;
      if (opcode === WireOp.Close) {
        throw new Error(`the gateway closed with ${new DataView(payload.buffer).getUint16(0)}`);
      }
      this.#frame(JSON.parse(this.#decoder.decode(payload)), atMs);
    }
    this.#wire.consume(start);
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
        return this.#listener.heartbeat();
      default:
        throw new Error(`op ${op} was not to be expected`);
    }
  }

  #send(frame: unknown): void {
    // If a write fails, the next read does, too, and is reported.
    this.#wire.send({ payload: JSON.stringify(frame) }).catch(() => {});
  }
}
