/**
 * A WebSocket of `Deno.upgradeWebSocket` as a {@linkcode Socket}.
 *
 * @module
 */

import type {
  Clock,
  Logger,
  Outgoing,
  Socket,
  SocketListener,
  Timer,
  UpgradeListener,
} from "../ports.ts";
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

export interface DenoWebSocketDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly upgrade: UpgradeListener;
  /** Has it until it is closed. */
  readonly webSockets: Set<DenoWebSocket>;
}

/** Listens as one object: a closure for each event, and what they kept alive, took 1.7 KB of an idle connection. */
export class DenoWebSocket implements Socket, EventListenerObject {
  readonly #socket: WebSocket;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #webSockets: Set<DenoWebSocket>;
  /** `undefined` once it is open. */
  #upgrade: UpgradeListener | undefined;
  #listener: SocketListener | undefined;
  #gone = false;
  /** Sends the close frame; set once. */
  #closing: (() => void) | undefined;
  #poll: Timer | undefined;
  /** `bufferedAmount` when it was last read. */
  #buffered = 0;
  /** Bytes sent since. */
  #handed = 0;

  /** @param socket one that is about to open */
  constructor(socket: WebSocket, { clock, logger, upgrade, webSockets }: DenoWebSocketDeps) {
    this.#socket = socket;
    this.#clock = clock;
    this.#logger = logger;
    this.#upgrade = upgrade;
    this.#webSockets = webSockets;
    webSockets.add(this);
    socket.binaryType = "arraybuffer";
    for (const type of ["open", "message", "error", "close"]) socket.addEventListener(type, this);
  }

  handleEvent(event: Event): void {
    if (event instanceof MessageEvent) {
      const { data }: MessageEvent<string | ArrayBuffer> = event;
      this.#listener?.messageReceived(typeof data === "string" ? data : new Uint8Array(data));
    } else if (event.type === "open") this.#opened();
    else if (event.type === "close") this.#closed();
    // A close follows every error, and notifies the connection.
    else event.preventDefault();
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

  #opened(): void {
    const upgrade = this.#upgrade;
    this.#upgrade = undefined;
    upgrade?.opened(this);
  }

  #closed(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#webSockets.delete(this);
    this.#poll?.cancel();
    this.#upgrade?.abandoned();
    this.#listener?.closed();
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
