/**
 * A server side WebSocket without a network, for unit tests of what holds a `Socket`.
 *
 * It keeps what it was given and plays the peer when the test says so; it does nothing on its own, and
 * in particular does not answer a close frame. Clients that talk over a virtual network are not here.
 *
 * @module
 */

import type { Json, Outgoing, Socket, SocketListener } from "../../gateway/ports.ts";

/** A close frame that was sent. */
export interface CloseFrame {
  /** The close code. */
  readonly code: number;
  /** The reason, as text. */
  readonly reason: string;
}

/** How a {@linkcode FakeSocket} stands: as `WebSocket.readyState` of one that was open. */
export type FakeSocketState = "open" | "closing" | "closed";

/** A socket whose peer is the test. Events reach the listener within the call that makes them. */
export class FakeSocket implements Socket {
  /** Every text that was handed over while the socket was open, in order. */
  readonly sent: string[] = [];
  /** The close frame that was sent; a second one is never sent. */
  closeFrame: CloseFrame | undefined;
  /** How often the socket was asked to cut, with success or not. */
  cuts = 0;
  /** Whether the runtime is unable to cut: {@linkcode terminate} returns false and ends nothing. */
  cutFails = false;

  #state: FakeSocketState = "open";
  #stalled = false;
  #bufferedBytes = 0;
  #awaitsFlush = false;
  #listener: SocketListener | undefined;
  readonly #early: ((listener: SocketListener) => void)[] = [];

  /** Whether it is open, waits for the peer's close frame, or is gone. */
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

  /** Hands over what came so far. @throws {Error} when it has a listener already */
  listen(listener: SocketListener): void {
    if (this.#listener !== undefined) throw new Error("the socket has a listener already");
    this.#listener = listener;
    for (const tell of this.#early.splice(0)) tell(listener);
  }

  /** Keeps the texts in {@linkcode sent}. */
  send({ texts, bytes }: Outgoing): void {
    if (this.#state !== "open") return;
    this.sent.push(...texts);
    if (this.#stalled) this.#bufferedBytes += bytes;
  }

  /** Tells the listener once the peer has read everything, within the call of {@linkcode drain}. */
  notifyFlushed(): void {
    this.#awaitsFlush = true;
    if (this.#bufferedBytes === 0) queueMicrotask(() => this.#flushed());
  }

  /** Keeps the close frame; nothing is sent after it. */
  close(code: number, reason: string): void {
    if (this.#state !== "open") return;
    this.#state = "closing";
    this.closeFrame = { code, reason };
  }

  /** Ends the connection; the listener hears of it after the caller is done, as in production. */
  terminate(): boolean {
    this.cuts++;
    if (this.#state === "closed") return true;
    if (this.cutFails) return false;
    this.#end();
    queueMicrotask(() => this.#tell((listener) => listener.closed()));
    return true;
  }

  /** The peer stops reading: what is sent from now on stays buffered. */
  stall(): void {
    this.#stalled = true;
  }

  /** The peer reads `maxBytes` of what is buffered; without a number, everything from now on. */
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

  /** The peer sends this frame as JSON. */
  receiveFrame(frame: Json): void {
    this.receive(JSON.stringify(frame));
  }

  /** The WebSocket ends: the peer closed it or answered a close frame, or TCP gave it up. */
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
