/**
 * A client of the gateway that costs the machine little, so that a benchmark with thousands of them measures
 * the gateway: identifies, answers heartbeats, and passes messages on with the time at which they were read.
 *
 * @module
 */

import { parseFrame, WireOp } from "../../tests/conformance/support/wire.ts";
import { WireConnection } from "./wire_connection.ts";

/** No frame that a benchmark asks for is longer; with signals, many arrive at once. */
const BUFFER_BYTES = 4096;
const SIGNALS_BUFFER_BYTES = 32 * 1024;
/** `{"op":4,`: signals are counted, and not parsed. */
const OP_AT = 6;
const SIGNAL_OP = "4".charCodeAt(0);

export interface ReceiverListener {
  /** Called with a message and the time at which it was read, as of `performance.now()`. */
  message(content: unknown, atMs: number): void;
  /** Called with each heartbeat that has been answered. */
  heartbeat(): void;
  /** Called with each signal. */
  signal?(): void;
  /** Called if the connection ends unexpectedly. */
  failed(error: Error): void;
}

export interface ReceiverOptions {
  readonly token: string;
  readonly listener: ReceiverListener;
  /** Asks for signals. */
  readonly signals?: boolean;
  /** Once ready, reads and ignores everything, heartbeats included, so that it costs almost nothing. */
  readonly ignores?: boolean;
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
  readonly #signals: boolean;
  readonly #ignores: boolean;
  #isReady = false;
  readonly #decoder = new TextDecoder();
  readonly #ready = Promise.withResolvers<void>();

  private constructor(
    wire: WireConnection,
    { token, listener, signals = false, ignores = false }: ReceiverOptions,
  ) {
    this.#wire = wire;
    this.#token = token;
    this.#signals = signals;
    this.#ignores = ignores;
    this.#listener = listener;
  }

  /** Connects to the gateway at `url`, an `http:` one, identifies, and waits for Ready. */
  static async connect(
    url: string,
    options: ReceiverOptions,
  ): Promise<Receiver> {
    const bytes = options.signals === true ? SIGNALS_BUFFER_BYTES : BUFFER_BYTES;
    const wire = await WireConnection.open(`${url}/gateway`, bytes);
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
    if (this.#isReady && this.#ignores) return this.#wire.consume(received.length);
    let start = 0;
    for (;;) {
      const parsed = parseFrame(received.subarray(start));
      if (parsed === undefined) break;
      start += parsed.bytes;
      const { opcode, payload } = parsed.frame;
      if (opcode === WireOp.Close) {
        throw new Error(`the gateway closed with ${new DataView(payload.buffer).getUint16(0)}`);
      }
      if (payload[OP_AT] === SIGNAL_OP) this.#listener.signal?.();
      else this.#frame(JSON.parse(this.#decoder.decode(payload)), atMs);
    }
    this.#wire.consume(start);
  }

  #frame({ op, time, content }: Frame, atMs: number): void {
    switch (op) {
      case 0:
        return this.#send({ op: 1, token: this.#token, signals: this.#signals });
      case 2:
        this.#isReady = true;
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
