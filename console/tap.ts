/**
 * The WebSocket of the console's client: it tells what passes, both ways, and can be told to misbehave.
 *
 * It is the only file that opens a socket. It decides nothing: the client does not know that it is watched,
 * and does what it would do on any other socket.
 *
 * @module
 */

import type { ClientSocket, ClientSocketConstructor } from "../client/mod.ts";
import { Op } from "../gateway/protocol/codes.ts";
import { opOf, type SocketEvent } from "./frames.ts";

/** Hears what happens on which connection, counted from 1. */
export type TapListener = (event: SocketEvent, connection: number) => void;

/** What a close says when no close frame came. */
const ABNORMAL = 1006;
/** The reason given for a connection that was taken away. */
export const CUT = "cut by the console";

/** Makes sockets for a client, and has the newest of them in its hand. */
export class Tap {
  /** For the client's option of this name. */
  readonly WebSocket: ClientSocketConstructor;
  readonly #listener: TapListener;
  #connections = 0;
  #current: TappedSocket | undefined;
  #isAway = false;

  /** Tells `listener`. */
  constructor(listener: TapListener) {
    this.#listener = listener;
    const open = (socket: TappedSocket): Tell => this.#opened(socket);
    const isAway = (): boolean => this.#isAway;
    this.WebSocket = class extends TappedSocket {
      constructor(url: string) {
        super(url, { open, isAway });
      }
    };
  }

  /** From now on until the next connection, no Heartbeat ACK of the client goes out. */
  stopAnswering(): void {
    if (this.#current !== undefined) this.#current.isMute = true;
  }

  /** Sends text as it is; false where there is no open connection. */
  sendRaw(text: string): boolean {
    return this.#current?.sendRaw(text) ?? false;
  }

  /** Takes the connection away, as a lost network does, and lets no other be made until told. */
  goAway(): void {
    this.#isAway = true;
    this.#current?.cut();
  }

  /** Lets connections be made again. */
  comeBack(): void {
    this.#isAway = false;
  }

  #opened(socket: TappedSocket): Tell {
    this.#current = socket;
    const connection = this.#connections += 1;
    return (event) => this.#listener(event, connection);
  }
}

/** Tells of one connection. */
type Tell = (event: SocketEvent) => void;

/** What a socket works with. */
interface SocketDeps {
  /** Makes it the current one, and gives it whom to tell. */
  readonly open: (socket: TappedSocket) => Tell;
  readonly isAway: () => boolean;
}

/** One connection. Its handlers are the client's. */
class TappedSocket implements ClientSocket {
  onopen: unknown;
  onmessage: unknown;
  onclose: unknown;
  onerror: unknown;
  /** Whether Heartbeat ACKs are withheld. */
  isMute = false;
  readonly #tell: Tell;
  readonly #socket: WebSocket | undefined;
  #isOver = false;

  constructor(url: string, { open, isAway }: SocketDeps) {
    this.#tell = open(this);
    if (isAway()) {
      this.#tell({ type: "blocked" });
      // Once the client has set its handlers, and before anything else can happen.
      queueMicrotask(() => call(this.onclose, { code: ABNORMAL, reason: "kept away" }));
      return;
    }
    this.#tell({ type: "opening", url });
    this.#socket = new WebSocket(url);
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

  /** Sends text that the client knows nothing of. */
  sendRaw(text: string): boolean {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(text);
    this.#tell({ type: "sent", text, isWithheld: false });
    return true;
  }

  /** Ends it at once for the client; a browser gives no way to spare the gateway the close frame. */
  cut(): void {
    if (this.#socket === undefined || this.#isOver) return;
    this.#end({ code: ABNORMAL, reason: CUT });
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
