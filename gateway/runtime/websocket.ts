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
    return this.#gone || this.#socket.readyState !== WebSocket.OPEN
      ? 0
      : this.#socket.bufferedAmount;
  }

  send(text: string): void {
    if (!this.#gone && this.#socket.readyState === WebSocket.OPEN) this.#socket.send(text);
  }

  close(code: number, reason: string): void {
    if (!this.#gone && this.#socket.readyState === WebSocket.OPEN) this.#socket.close(code, reason);
  }

  cut(): boolean {
    if (this.#gone) return true;
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
}
