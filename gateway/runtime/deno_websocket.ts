/**
 * A WebSocket of `Deno.upgradeWebSocket` as a {@linkcode Socket}.
 *
 * @module
 */

import type { Clock, Logger, Outgoing, Socket, SocketListener, Timer } from "../ports.ts";
import { terminate } from "./terminate.ts";

/** Polling interval for unsent bytes, because the runtime has no event for them. */
const MIN_POLL_MS = 1;
const MAX_POLL_MS = 64;

/**
 * Bytes sent after which `bufferedAmount` is read. Reading it and `readyState` for each message made a delivery
 * 7 % more expensive.
 */
const LOOK_BYTES = 4096;

let unsupportedLogged = false;

export class DenoWebSocket implements Socket {
  readonly #socket: WebSocket;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #listener: SocketListener | undefined;
  #gone = false;
  /** Sends the close frame; set once. */
  #closing: (() => void) | undefined;
  #poll: Timer | undefined;
  /** `bufferedAmount` when it was last read. */
  #buffered = 0;
  /** Bytes sent since. */
  #handed = 0;

  /** Call it in the `open` event, before a message can arrive. */
  constructor(
    socket: WebSocket,
    { clock, logger }: { readonly clock: Clock; readonly logger: Logger },
  ) {
    this.#socket = socket;
    this.#clock = clock;
    this.#logger = logger;
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>): void => {
      this.#listener?.messageReceived(typeof data === "string" ? data : new Uint8Array(data));
    };
    // A close follows every error, and notifies the connection.
    socket.onerror = (event): void => {
      event.preventDefault();
    };
    socket.onclose = (): void => {
      if (this.#gone) return;
      this.#gone = true;
      this.#poll?.cancel();
      this.#listener?.closed();
    };
  }

  listen(listener: SocketListener): void {
    this.#listener = listener;
  }

  /** Exact while a peer does not read; for one that does, up to 4 KiB too low. */
  get bufferedBytes(): number {
    if (!this.#open) return 0;
    if (this.#buffered > 0 || this.#handed >= LOOK_BYTES) {
      this.#handed = 0;
      this.#buffered = this.#socket.bufferedAmount;
    }
    return this.#buffered;
  }

  send({ texts, bytes }: Outgoing): void {
    if (!this.#open) return;
    this.#handed += bytes;
    for (const text of texts) this.#socket.send(text);
  }

  notifyFlushed(): void {
    if (this.#poll === undefined) this.#pollAfter(MIN_POLL_MS);
  }

  close(code: number, reason: string): void {
    if (!this.#open) return;
    const send = (): void => {
      if (!this.#gone && this.#socket.readyState === WebSocket.OPEN) {
        this.#socket.close(code, reason);
      }
    };
    this.#closing = send;
    // Not at once: within a message event, the runtime treats a frame that already follows as an error and
    // drops the connection without a close frame.
    setTimeout(send, 0);
  }

  terminate(): boolean {
    if (this.#gone) return true;
    this.#closing?.();
    const outcome = terminate(this.#socket);
    if (outcome === "unsupported" && !unsupportedLogged) {
      unsupportedLogged = true;
      this.#logger.warn(
        "this runtime cannot terminate a connection: peers that answer nothing keep their descriptor " +
          "until TCP gives them up",
        { runtime: `deno ${Deno.version.deno}` },
      );
    }
    return outcome === "terminated";
  }

  #pollAfter(delayMs: number): void {
    this.#poll = this.#clock.setTimer(delayMs, () => {
      this.#poll = undefined;
      if (this.#open && this.#socket.bufferedAmount > 0) {
        this.#pollAfter(Math.min(delayMs * 2, MAX_POLL_MS));
      } else this.#listener?.flushed();
    });
  }

  get #open(): boolean {
    return !this.#gone && this.#closing === undefined;
  }
}
