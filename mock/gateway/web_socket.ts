/**
 * A `WebSocket` without a network: the standard interface for a client, and the {@linkcode Socket} port for
 * a gateway in the same process. Every event comes from the event loop, as from a network, never from
 * within a call.
 *
 * @module
 */

import type { Outgoing, Socket, SocketListener } from "../../gateway/ports.ts";
import { ABNORMAL } from "../../gateway/protocol/codes.ts";
import { isCloseReason, MAX_REASON_BYTES } from "./close_frame.ts";

/** The members of `WebSocket` that clients use, for projects that have neither the types of the DOM nor of Node. */
export interface UntypedWebSocket {
  /** 1 while open. */
  readonly readyState: number;
  /** Called when it opens. */
  onopen: unknown;
  /** Called with each message. */
  onmessage: unknown;
  /** Called when it is closed. */
  onclose: unknown;
  /** Called when it fails. */
  onerror: unknown;
  /** Sends a text. */
  send(text: string): void;
  /** Starts the closing handshake. */
  close(code?: number, reason?: string): void;
}

/** The standard `WebSocket` class. */
export interface WebSocketConstructor {
  /** Connects. @throws {DOMException} `SyntaxError` for a URL that no WebSocket can have */
  new (url: string | URL, protocols?: string | string[]): WebSocket & UntypedWebSocket;
  /** `readyState` during the handshake. */
  readonly CONNECTING: 0;
  /** `readyState` while open. */
  readonly OPEN: 1;
  /** `readyState` once either side has sent a close frame. */
  readonly CLOSING: 2;
  /** `readyState` at the end. */
  readonly CLOSED: 3;
}

export interface VirtualNetwork {
  /** Admits a connection to `url`; `undefined` refuses the handshake. */
  connect(url: URL): { accept(socket: Socket): unknown } | undefined;
  /** Calls `task` from the event loop. Tasks run in order. */
  post(task: () => void): void;
}

const CONNECTING = 0;
const OPEN = 1;
const CLOSING = 2;
const CLOSED = 3;

const NO_CODE = 1005;
/** Node has no `CloseEvent` before version 23. */
const ClosingEvent: typeof CloseEvent = typeof CloseEvent !== "undefined"
  ? CloseEvent
  : class extends Event implements CloseEvent {
    readonly code: number;
    readonly reason: string;
    readonly wasClean: boolean;

    constructor(type: string, { code = 0, reason = "", wasClean = false }: CloseEventInit = {}) {
      super(type);
      this.code = code;
      this.reason = reason;
      this.wasClean = wasClean;
    }
  };

type Handler<E extends Event> = (this: WebSocket, event: E) => unknown;

/** Makes a class of WebSockets that connect to `network`. */
export function createWebSocketClass(network: VirtualNetwork): WebSocketConstructor {
  return class extends VirtualWebSocket {
    constructor(url: string | URL, protocols: string | string[] = []) {
      super(network, parseUrl(url), [protocols].flat());
    }
  };
}

/** The client's end. */
class VirtualWebSocket extends EventTarget implements WebSocket {
  static readonly CONNECTING = CONNECTING;
  static readonly OPEN = OPEN;
  static readonly CLOSING = CLOSING;
  static readonly CLOSED = CLOSED;
  readonly CONNECTING = CONNECTING;
  readonly OPEN = OPEN;
  readonly CLOSING = CLOSING;
  readonly CLOSED = CLOSED;
  readonly url: string;
  readonly protocol = "";
  readonly extensions = "";
  readonly bufferedAmount = 0;
  binaryType: BinaryType = "blob";

  readonly #network: VirtualNetwork;
  readonly #handlers = new Map<string, (event: Event) => void>();
  #state: 0 | 1 | 2 | 3 = CONNECTING;
  #server: ServerEnd | undefined;
  #onopen: Handler<Event> | null = null;
  #onmessage: Handler<MessageEvent> | null = null;
  #onclose: Handler<CloseEvent> | null = null;
  #onerror: Handler<Event> | null = null;

  constructor(network: VirtualNetwork, url: URL, protocols: readonly string[]) {
    super();
    this.#network = network;
    this.url = url.href;
    network.post(() => {
      if (this.#state !== CONNECTING) return;
      // The gateway has no subprotocol, and a handshake that requires one fails (RFC 6455, section 4.1).
      const pending = protocols.length > 0 ? undefined : network.connect(url);
      if (pending === undefined) return this.lost();
      this.#state = OPEN;
      this.#server = new ServerEnd(this, network);
      pending.accept(this.#server);
      this.dispatchEvent(new Event("open"));
    });
  }

  get readyState(): 0 | 1 | 2 | 3 {
    return this.#state;
  }

  get onopen(): Handler<Event> | null {
    return this.#onopen;
  }
  set onopen(handler: Handler<Event> | null) {
    this.#onopen = handler;
    this.#handle("open", handler && ((event) => handler.call(this, event)));
  }

  get onmessage(): Handler<MessageEvent> | null {
    return this.#onmessage;
  }
  set onmessage(handler: Handler<MessageEvent> | null) {
    this.#onmessage = handler;
    this.#handle(
      "message",
      handler && ((event) => {
        if (event instanceof MessageEvent) handler.call(this, event);
      }),
    );
  }

  get onclose(): Handler<CloseEvent> | null {
    return this.#onclose;
  }
  set onclose(handler: Handler<CloseEvent> | null) {
    this.#onclose = handler;
    this.#handle(
      "close",
      handler && ((event) => {
        if (event instanceof ClosingEvent) handler.call(this, event);
      }),
    );
  }

  get onerror(): Handler<Event> | null {
    return this.#onerror;
  }
  set onerror(handler: Handler<Event> | null) {
    this.#onerror = handler;
    this.#handle("error", handler && ((event) => handler.call(this, event)));
  }

  send(data: string | ArrayBufferLike | Blob | ArrayBufferView): void {
    if (this.#state === CONNECTING) {
      throw new DOMException("the WebSocket is not open yet", "InvalidStateError");
    }
    if (this.#state !== OPEN) return;
    // A Blob cannot be read synchronously; the gateway rejects binary frames whatever their content.
    const sent = isBinary(data) ? bytesOf(data) : String(data).toWellFormed();
    this.#network.post(() => this.#server?.receive(sent));
  }

  close(code?: number, reason = ""): void {
    if (code !== undefined && code !== 1000 && !(code >= 3000 && code <= 4999)) {
      throw new DOMException(`a client cannot close with ${code}`, "InvalidAccessError");
    }
    if (!isCloseReason(reason)) {
      throw new DOMException(`the reason is over ${MAX_REASON_BYTES} bytes`, "SyntaxError");
    }
    if (this.#state === CLOSING || this.#state === CLOSED) return;
    if (this.#state === CONNECTING) {
      this.#state = CLOSING;
      return this.#network.post(() => this.lost());
    }
    this.#state = CLOSING;
    this.#network.post(() => {
      this.#server?.end();
      this.#network.post(() => this.#end(code ?? NO_CODE, { reason, wasClean: true }));
    });
  }

  /** Receives a text. */
  arrived(data: string): void {
    if (this.#state !== OPEN) return;
    this.dispatchEvent(new MessageEvent("message", { data, origin: new URL(this.url).origin }));
  }

  /** Receives a close frame, and answers it. */
  closed(code: number, reason: string): void {
    if (this.#state === CLOSED) return;
    this.#network.post(() => this.#server?.end());
    this.#end(code, { reason, wasClean: true });
  }

  /** Ends without a close frame, or fails to open. */
  lost(): void {
    if (this.#state === CLOSED) return;
    this.#state = CLOSED;
    this.dispatchEvent(new Event("error"));
    this.dispatchEvent(
      new ClosingEvent("close", { code: ABNORMAL, reason: "", wasClean: false }),
    );
  }

  #end(code: number, how: { readonly reason: string; readonly wasClean: boolean }): void {
    if (this.#state === CLOSED) return;
    this.#state = CLOSED;
    this.dispatchEvent(new ClosingEvent("close", { code, ...how }));
  }

  #handle(type: string, handler: ((event: Event) => void) | null): void {
    const before = this.#handlers.get(type);
    if (before !== undefined) this.removeEventListener(type, before);
    this.#handlers.delete(type);
    if (handler === null) return;
    this.#handlers.set(type, handler);
    this.addEventListener(type, handler);
  }
}

/** The gateway's end. */
class ServerEnd implements Socket {
  readonly bufferedBytes = 0;
  readonly #client: VirtualWebSocket;
  readonly #network: VirtualNetwork;
  #listener: SocketListener | undefined;
  #closing = false;
  #gone = false;

  constructor(client: VirtualWebSocket, network: VirtualNetwork) {
    this.#client = client;
    this.#network = network;
  }

  listen(listener: SocketListener): void {
    this.#listener = listener;
  }

  send({ texts }: Outgoing): void {
    if (this.#closing || this.#gone) return;
    for (const text of texts) this.#network.post(() => this.#client.arrived(text));
  }

  notifyFlushed(): void {
    this.#network.post(() => this.#listener?.flushed());
  }

  close(code: number, reason: string): void {
    if (this.#closing || this.#gone) return;
    this.#closing = true;
    this.#network.post(() => this.#client.closed(code, reason));
  }

  terminate(): boolean {
    if (this.#gone) return true;
    this.#network.post(() => this.#client.lost());
    this.#network.post(() => this.end());
    return true;
  }

  /** Receives a message of the client. */
  receive(data: string | Uint8Array): void {
    if (!this.#gone) this.#listener?.messageReceived(data);
  }

  /** Ends, as the client closed, answered a close frame, or was lost. */
  end(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#listener?.closed();
  }
}

function parseUrl(text: string | URL): URL {
  const url = URL.parse(String(text));
  const scheme = url?.protocol.replace(/^http/, "ws");
  if (url === null || url.hash !== "" || (scheme !== "ws:" && scheme !== "wss:")) {
    throw new DOMException(`not the URL of a WebSocket: ${text}`, "SyntaxError");
  }
  url.protocol = scheme;
  return url;
}

/** By its tag, because the classes of jsdom and of other realms are others. */
function isBinary(data: unknown): data is ArrayBufferLike | Blob | ArrayBufferView {
  return ArrayBuffer.isView(data) ||
    /^\[object (?:Blob|File|(?:Shared)?ArrayBuffer)\]$/.test(Object.prototype.toString.call(data));
}

function bytesOf(data: ArrayBufferLike | Blob | ArrayBufferView): Uint8Array {
  if ("size" in data) return new Uint8Array(data.size);
  if (ArrayBuffer.isView(data)) {
    return new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice();
  }
  return new Uint8Array(data).slice();
}
