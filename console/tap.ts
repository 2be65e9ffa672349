/**
 * The WebSocket class of the console's client. It reports all events, and misbehaves on demand; the client
 * does not notice. No other file opens a socket.
 *
 * @module
 */

import type { ClientSocket, ClientSocketConstructor } from "../client/mod.ts";
import { ABNORMAL, Op } from "../gateway/protocol/codes.ts";
import { opOf, type SocketEvent } from "./frames.ts";

/** Called with an event and the number of its connection, from 1. */
export type TapListener = (event: SocketEvent, connection: number) => void;

/** The reason of a connection that was blocked. */
export const TERMINATED_REASON = "cut by the console";

/** The reason of a connection that was replaced by one with a shorter heartbeat interval. */
const REPLACED_REASON = "replaced by the console";

/** Makes sockets for a client, and controls the newest. */
export class Tap {
  /** For the client's option `WebSocket`. */
  readonly WebSocket: ClientSocketConstructor;
  readonly #listener: TapListener;
  #connections = 0;
  #current: TappedSocket | undefined;
  #isAway = false;
  /** The heartbeat interval that the next connection asks for, which is mute. */
  #muteIntervalMs: number | undefined;

  constructor(listener: TapListener) {
    this.#listener = listener;
    const open = (socket: TappedSocket): Tell => this.#opened(socket);
    const isAway = (): boolean => this.#isAway;
    const takeMuteIntervalMs = (): number | undefined => {
      const intervalMs = this.#muteIntervalMs;
      this.#muteIntervalMs = undefined;
      return intervalMs;
    };
    this.WebSocket = class extends TappedSocket {
      constructor(url: string) {
        super(url, { open, isAway, takeMuteIntervalMs });
      }
    };
  }

  /** Withholds the client's Heartbeat ACKs until the next connection. */
  stopAnswering(): void {
    if (this.#current !== undefined) this.#current.isMute = true;
  }

  /** Ends the connection; the next asks for this heartbeat interval and withholds Heartbeat ACKs. */
  replaceWithMute(heartbeatIntervalMs: number): void {
    this.#muteIntervalMs = heartbeatIntervalMs;
    this.#current?.terminate(REPLACED_REASON);
  }

  /** Sends text unchanged; returns false without an open connection. */
  sendRaw(text: string): boolean {
    return this.#current?.sendRaw(text) ?? false;
  }

  /** Ends the connection as a lost network does, and blocks others until {@linkcode comeBack}. */
  goAway(): void {
    this.#isAway = true;
    this.#current?.terminate(TERMINATED_REASON);
  }

  comeBack(): void {
    this.#isAway = false;
  }

  #opened(socket: TappedSocket): Tell {
    this.#current = socket;
    const connection = this.#connections += 1;
    return (event) => this.#listener(event, connection);
  }
}

type Tell = (event: SocketEvent) => void;

interface SocketDeps {
  /** Makes it the current socket, and returns its listener. */
  readonly open: (socket: TappedSocket) => Tell;
  readonly isAway: () => boolean;
  readonly takeMuteIntervalMs: () => number | undefined;
}

/** A socket whose handlers the client sets. */
class TappedSocket implements ClientSocket {
  onopen: unknown;
  onmessage: unknown;
  onclose: unknown;
  onerror: unknown;
  isMute = false;
  readonly #tell: Tell;
  readonly #socket: WebSocket | undefined;
  #isOver = false;

  constructor(url: string, { open, isAway, takeMuteIntervalMs }: SocketDeps) {
    this.#tell = open(this);
    if (isAway()) {
      this.#tell({ type: "blocked" });
      // After the client has set its handlers, and before any other event.
      queueMicrotask(() => call(this.onclose, { code: ABNORMAL, reason: "kept offline" }));
      return;
    }
    const intervalMs = takeMuteIntervalMs();
    this.isMute = intervalMs !== undefined;
    const target = new URL(url);
    if (intervalMs !== undefined) target.searchParams.set("heartbeat_interval", String(intervalMs));
    this.#tell({ type: "opening", url: target.href });
    this.#socket = new WebSocket(target);
    this.#listen(this.#socket);
  }

  get readyState(): number {
    return this.#isOver ? WebSocket.CLOSED : this.#socket?.readyState ?? WebSocket.CONNECTING;
  }

  send(text: string): void {
    const isWithheld = this.isMute && opOf(text) === Op.HeartbeatAck;
    if (!isWithheld) this.#socket?.send(text);
    this.#tell({ type: "sent", text, isWithheld });
  }

  close(code?: number, reason?: string): void {
    if (this.#socket === undefined || this.#isOver) return;
    this.#tell({ type: "closing" });
    this.#socket.close(code, reason);
  }

  /** Sends text past the client. */
  sendRaw(text: string): boolean {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(text);
    this.#tell({ type: "sent", text, isWithheld: false });
    return true;
  }

  /** Ends it immediately for the client; a browser cannot avoid the close frame to the gateway. */
  terminate(reason: string): void {
    if (this.#socket === undefined || this.#isOver) return;
    this.#end({ code: ABNORMAL, reason });
    this.#socket.close();
  }

  #listen(socket: WebSocket): void {
    socket.onopen = (event) => {
      if (this.#isOver) return;
      this.#tell({ type: "opened" });
      call(this.onopen, event);
    };
    socket.onmessage = (event) => {
      if (this.#isOver) return;
      this.#tell({ type: "received", data: event.data });
      call(this.onmessage, event);
    };
    socket.onclose = ({ code, reason }) => this.#end({ code, reason });
    socket.onerror = (event) => call(this.onerror, event);
  }

  #end(end: { readonly code: number; readonly reason: string }): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#tell({ type: "closed", ...end });
    call(this.onclose, end);
  }
}

function call(handler: unknown, event: object): void {
  if (typeof handler === "function") handler(event);
}
