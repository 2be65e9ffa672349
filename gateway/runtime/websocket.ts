/**
 * A WebSocket of `Deno.upgradeWebSocket` as the {@linkcode Socket} port.
 *
 * The one place to change if the gateway ever has to run on another WebSocket implementation.
 *
 * @module
 */

import type { Logger, Socket, SocketListener } from "../ports.ts";
import { cut } from "./cut.ts";

let unsupportedSaid = false;

/** An open server side WebSocket. */
export class WebSocketAdapter implements Socket {
  readonly #socket: WebSocket;
  readonly #logger: Logger;
  #listener: SocketListener | undefined;
  #gone = false;
  /** The close frame that is to be sent; set once. */
  #closing: (() => void) | undefined;

  /** Adapts `socket`, which has just opened. Set before the runtime can have handed over a message. */
  constructor(socket: WebSocket, logger: Logger) {
    this.#socket = socket;
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
      this.#listener?.closed();
    };
  }

  listen(listener: SocketListener): void {
    this.#listener = listener;
  }

  get bufferedBytes(): number {
    return this.#open ? this.#socket.bufferedAmount : 0;
  }

  send(text: string): void {
    if (this.#open) this.#socket.send(text);
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

  cut(): boolean {
    if (this.#gone) return true;
    this.#closing?.();
    const outcome = cut(this.#socket);
    if (outcome === "unsupported" && !unsupportedSaid) {
      unsupportedSaid = true;
      this.#logger.warn(
        "this runtime cannot cut a connection: peers that answer nothing keep their descriptor " +
          "until TCP gives them up",
        { runtime: `deno ${Deno.version.deno}` },
      );
    }
    return outcome === "cut";
  }

  get #open(): boolean {
    return !this.#gone && this.#closing === undefined && this.#socket.readyState === WebSocket.OPEN;
  }
}
