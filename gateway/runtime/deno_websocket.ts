/**
 * A WebSocket of `Deno.upgradeWebSocket` as the {@linkcode Socket} port.
 *
 * @module
 */

import type { Clock, Logger, Outgoing, Socket, SocketListener, Timer } from "../ports.ts";
import { terminate } from "./terminate.ts";

/** The runtime does not say when it has sent something, so it is asked, at first often. */
const MIN_POLL_MS = 1;
const MAX_POLL_MS = 64;

/**
 * Bytes handed to the runtime after which it is asked how many it has left. To ask for each message, and for
 * `readyState`, made a delivery 7 % dearer.
 */
const LOOK_BYTES = 4096;

let unsupportedSaid = false;

/** An open server side WebSocket. */
export class DenoWebSocket implements Socket {
  readonly #socket: WebSocket;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #listener: SocketListener | undefined;
  #gone = false;
  /** The close frame that is to be sent; set once. */
  #closing: (() => void) | undefined;
  #poll: Timer | undefined;
  /** Bytes that the runtime had not sent when it was last asked. */
  #buffered = 0;
  /** Bytes handed to it since. */
  #handed = 0;

  /** Adapts `socket`, which has just opened. Set before the runtime can have handed over a message. */
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
    // An error is always followed by a close, which is where the connection is told.
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

  /** Exact while a peer does not take what it is sent; of one that does, up to 4 KiB are overlooked. */
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
    // Not at once: asked in the middle of a message, the runtime takes a frame that already follows for
    // an error and drops the connection, close frame and all.
    setTimeout(send, 0);
  }

  terminate(): boolean {
    if (this.#gone) return true;
    this.#closing?.();
    const outcome = terminate(this.#socket);
    if (outcome === "unsupported" && !unsupportedSaid) {
      unsupportedSaid = true;
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
