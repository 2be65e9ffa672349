/**
 * The server's end of a WebSocket without a network, for unit tests of code that holds a `Socket`. The test
 * plays the peer; the socket does nothing by itself, and does not answer a close frame.
 *
 * @module
 */

import type { Json, Outgoing, Socket, SocketListener } from "../../gateway/ports.ts";
import type { ViolationCode } from "../../gateway/protocol/mod.ts";

/** A close frame (RFC 6455, section 5.5.1). */
export interface CloseFrame {
  /** The close code. */
  readonly code: number;
  /** The reason, as text. */
  readonly reason: string;
}

/** The state of a {@linkcode FakeSocket}, as `WebSocket.readyState` after `CONNECTING`. */
export type FakeSocketState = "open" | "closing" | "closed";

/** A socket whose peer is the test. It calls its listener synchronously, except where stated. */
export class FakeSocket implements Socket {
  /** Every text sent while the socket was open, in order. */
  readonly sent: string[] = [];
  /** The close frame that was sent; there is never a second one. */
  closeFrame: CloseFrame | undefined;
  /** The number of calls of {@linkcode terminate}, including those that failed. */
  terminations = 0;
  /** Makes {@linkcode terminate} fail: it returns false and ends nothing. */
  terminateFails = false;

  #state: FakeSocketState = "open";
  #stalled = false;
  #bufferedBytes = 0;
  #awaitsFlush = false;
  #listener: SocketListener | undefined;
  readonly #early: ((listener: SocketListener) => void)[] = [];

  /** `closing` after its close frame, until the peer closes. */
  get state(): FakeSocketState {
    return this.#state;
  }

  /** {@linkcode sent}, parsed. */
  get frames(): Json[] {
    return this.sent.map((text): Json => JSON.parse(text));
  }

  /** Bytes that a stalled peer has not read. */
  get bufferedBytes(): number {
    return this.#bufferedBytes;
  }

  /** Delivers what has arrived so far. @throws {Error} on a second listener */
  listen(listener: SocketListener): void {
    if (this.#listener !== undefined) throw new Error("the socket has a listener already");
    this.#listener = listener;
    for (const tell of this.#early.splice(0)) tell(listener);
  }

  /** Adds the texts to {@linkcode sent}. */
  send({ texts, bytes }: Outgoing): void {
    if (this.#state !== "open") return;
    this.sent.push(...texts);
    if (this.#stalled) this.#bufferedBytes += bytes;
  }

  /** Calls `flushed` of the listener when the peer has read everything, within {@linkcode drain}. */
  notifyFlushed(): void {
    this.#awaitsFlush = true;
    if (this.#bufferedBytes === 0) queueMicrotask(() => this.#flushed());
  }

  /** Sets {@linkcode closeFrame}; nothing is sent after it. */
  close(code: number, reason: string): void {
    if (this.#state !== "open") return;
    this.#state = "closing";
    this.closeFrame = { code, reason };
  }

  /** Ends the connection; calls the listener in a microtask, as in production. */
  terminate(): boolean {
    this.terminations++;
    if (this.#state === "closed") return true;
    if (this.terminateFails) return false;
    this.#end();
    queueMicrotask(() => this.#tell((listener) => listener.closed()));
    return true;
  }

  /** The peer stops reading; texts sent from now on stay buffered. */
  stall(): void {
    this.#stalled = true;
  }

  /** The peer reads `maxBytes` of the buffer; without a number, it resumes reading. */
  drain(maxBytes = Infinity): void {
    this.#bufferedBytes = Math.max(0, this.#bufferedBytes - maxBytes);
    if (maxBytes === Infinity) this.#stalled = false;
    if (this.#bufferedBytes === 0) this.#flushed();
  }

  /** The peer sends a ping or a pong. */
  receiveControl(): void {
    if (this.#state === "closed") throw new Error("a socket that is gone receives nothing");
    this.#tell((listener) => listener.controlReceived());
  }

  /** The peer sends a WebSocket message: text, or bytes for a binary one. */
  receive(data: string | Uint8Array): void {
    if (this.#state === "closed") throw new Error("a socket that is gone receives nothing");
    this.#tell((listener) => listener.messageReceived(data));
  }

  /** The peer violates RFC 6455 or a limit of the transport. */
  violate(code: ViolationCode): void {
    if (this.#state === "closed") throw new Error("a socket that is gone receives nothing");
    this.#tell((listener) => listener.violated(code));
  }

  /** The peer sends this frame as JSON. */
  receiveFrame(frame: Json): void {
    this.receive(JSON.stringify(frame));
  }

  /** The peer closes, answers a close frame, or its connection is lost. */
  peerClosed(): void {
    if (this.#state === "closed") throw new Error("the socket is gone already");
    this.#end();
    this.#tell((listener) => listener.closed());
  }

  #flushed(): void {
    if (!this.#awaitsFlush || this.#state === "closed") return;
    this.#awaitsFlush = false;
    this.#tell((listener) => listener.flushed());
  }

  #end(): void {
    this.#state = "closed";
    this.#bufferedBytes = 0;
  }

  #tell(event: (listener: SocketListener) => void): void {
    if (this.#listener === undefined) this.#early.push(event);
    else event(this.#listener);
  }
}
