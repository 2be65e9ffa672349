/**
 * A WebSocket of `ws` as a {@linkcode Socket}.
 *
 * `ws` reads. Outgoing frames are encoded once for all recipients (`encode.ts`) and written to the TCP socket with
 * one write per connection and turn.
 *
 * @module
 */

import type { IncomingMessage } from "node:http";
import type { Socket as TcpSocket } from "node:net";
// @ts-types="./ws.d.ts"
import { WebSocket, WebSocketServer } from "ws";
import type { Outgoing, Socket, SocketListener, UpgradeListener } from "../ports.ts";
import type { ViolationCode } from "../protocol/mod.ts";

/** Most fragments of one message. Real clients use fragments of kilobytes. */
const MAX_FRAGMENTS = 128;
/** Most network chunks of one frame. */
const MAX_BUFFERED_CHUNKS = 1024;
/**
 * Bytes read after our close frame: enough for data in flight and the client's close frame. Then reading pauses
 * until the connection ends.
 */
const MAX_BYTES_AFTER_CLOSE = 16 * 1024;
/**
 * Timeout of `ws` for a connection that its peer closed and does not end. After our own close the session terminates
 * it earlier, within a minute.
 */
const WS_CLOSE_TIMEOUT_MS = 65_000;

/**
 * Attempts to terminate that are postponed because the close frame is unsent: with the delays of
 * `terminator.ts`, half a minute.
 */
const MAX_POSTPONED = 5;

const NOTHING = new Uint8Array();

export interface Handshake {
  readonly request: IncomingMessage;
  readonly socket: TcpSocket;
  /** Bytes after the request head. */
  readonly head: Uint8Array;
}

export class WebSocketUpgrades {
  readonly #server: WebSocketServer<typeof TaggedWebSocket>;
  readonly #reasons: Reasons;

  /** @param maxFrameBytes longest message that a client may send, in bytes */
  constructor({ maxFrameBytes }: { readonly maxFrameBytes: number }) {
    this.#reasons = {
      1002: "RFC 6455 does not allow this frame",
      1007: "text is not UTF-8",
      1008: `message has more than ${MAX_FRAGMENTS} fragments`,
      1009: `frame is longer than ${maxFrameBytes} bytes`,
    };
    this.#server = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: maxFrameBytes,
      maxFragments: MAX_FRAGMENTS,
      maxBufferedChunks: MAX_BUFFERED_CHUNKS,
      // The session answers pings, and stops at its limit of frames.
      autoPong: false,
      closeTimeout: WS_CLOSE_TIMEOUT_MS,
      handleProtocols: () => false,
      WebSocket: TaggedWebSocket,
    });
  }

  /** Calls `opened` of `listener`, or `abandoned` if the peer is gone. */
  upgrade({ request, socket, head }: Handshake, listener: UpgradeListener): void {
    let opened = false;
    this.#server.handleUpgrade(request, socket, Buffer.from(head), (webSocket) => {
      opened = true;
      webSocket.reasons = this.#reasons;
      listener.opened(new NodeWebSocket(webSocket, socket));
    });
    if (!opened) listener.abandoned();
  }
}

/** Reasons of close frames that `ws` sends by itself. */
type Reasons = Readonly<Record<ViolationCode, string>>;

/** References its adapter, so that all sockets share their event handlers. */
class TaggedWebSocket extends WebSocket {
  adapter: NodeWebSocket | undefined;
  reasons: Reasons | undefined;

  /** `ws` calls it without a reason after a violation, and when the peer closes. */
  override close(code?: number, reason?: string | Uint8Array): void {
    super.close(code, reason ?? this.reasons?.[code as ViolationCode]);
    this.adapter?.closing();
  }
}

/** Sockets with unwritten frames in this turn. */
let unwritten: NodeWebSocket[] = [];

function writeAll(): void {
  const sockets = unwritten;
  unwritten = [];
  for (const socket of sockets) socket.write();
}

export class NodeWebSocket implements Socket {
  readonly #webSocket: WebSocket;
  readonly #tcp: TcpSocket;
  #listener: SocketListener | undefined;
  /** Unwritten frames of this turn. */
  #pending: Uint8Array | Uint8Array[] | undefined;
  #pendingBytes = 0;
  #awaitsFlush = false;
  #postponed = 0;
  #closing = false;

  constructor(webSocket: TaggedWebSocket, tcp: TcpSocket) {
    this.#webSocket = webSocket;
    this.#tcp = tcp;
    webSocket.adapter = this;
    webSocket.on("message", onMessage).on("ping", onPing).on("pong", onPong);
    webSocket.on("error", onError).on("close", onClose);
  }

  listen(listener: SocketListener): void {
    this.#listener = listener;
  }

  get bufferedBytes(): number {
    return this.#pendingBytes + this.#tcp.writableLength;
  }

  send({ wire }: Outgoing): void {
    if (this.#webSocket.readyState !== WebSocket.OPEN) return;
    this.#pendingBytes += wire.byteLength;
    if (this.#pending === undefined) {
      this.#pending = wire;
      if (unwritten.push(this) === 1) queueMicrotask(writeAll);
    } else if (Array.isArray(this.#pending)) {
      this.#pending.push(wire);
    } else {
      this.#pending = [this.#pending, wire];
    }
  }

  /** Writes the frames of this turn. */
  write(): void {
    const pending = this.#pending;
    if (pending === undefined) return;
    this.#pending = undefined;
    this.#pendingBytes = 0;
    // Nothing may follow a close frame.
    if (this.#webSocket.readyState !== WebSocket.OPEN) return;
    this.#tcp.write(Array.isArray(pending) ? Buffer.concat(pending) : pending);
  }

  notifyFlushed(): void {
    if (this.#awaitsFlush) return;
    this.#awaitsFlush = true;
    this.write();
    // `drain` is emitted only above the high water mark; this callback always runs.
    this.#tcp.write(NOTHING, (error) => {
      this.#awaitsFlush = false;
      if (!error) this.#listener?.flushed();
    });
  }

  close(code: number, reason: string): void {
    this.write();
    // After a violation, `ws` has sent a close frame by itself.
    if (this.#webSocket.readyState === WebSocket.OPEN) this.#webSocket.close(code, reason);
  }

  /** Called once a close frame was sent: reads on for the peer's, but does not parse a flood. */
  closing(): void {
    if (this.#closing) return;
    this.#closing = true;
    const tcp = this.#tcp;
    const readers = tcp.listeners("data");
    tcp.removeAllListeners("data");
    let bytes = 0;
    tcp.on("data", (chunk: Uint8Array) => {
      bytes += chunk.byteLength;
      if (bytes > MAX_BYTES_AFTER_CLOSE) {
        // Both, because `ws` resumes the socket unless paused itself, and may have released it by now.
        this.#webSocket.pause();
        tcp.pause();
      } else {
        for (const read of readers) Reflect.apply(read, tcp, [chunk]);
      }
    });
  }

  terminate(): boolean {
    // The close frame is queued behind unread data; gives the peer some time to read it.
    if (
      this.#tcp.writableLength > 0 && !this.#tcp.destroyed && this.#postponed < MAX_POSTPONED
    ) {
      this.#postponed += 1;
      return false;
    }
    this.#webSocket.terminate();
    return true;
  }

  get listener(): SocketListener | undefined {
    return this.#listener;
  }
}

function onMessage(this: WebSocket, data: Buffer, isBinary: boolean): void {
  listenerOf(this)?.messageReceived(isBinary ? data : data.toString());
}

function onPing(this: WebSocket, data: Buffer): void {
  listenerOf(this)?.controlReceived();
  if (this.readyState === WebSocket.OPEN) this.pong(data);
}

function onPong(this: WebSocket): void {
  listenerOf(this)?.controlReceived();
}

function onError(this: WebSocket, error: Error): void {
  const code = violationOf(error);
  if (code !== undefined) listenerOf(this)?.violated(code);
}

function onClose(this: WebSocket, code: number): void {
  listenerOf(this)?.closed(code);
}

function listenerOf(webSocket: WebSocket): SocketListener | undefined {
  return webSocket instanceof TaggedWebSocket ? webSocket.adapter?.listener : undefined;
}

/** The close code that `ws` sent for `error`; `undefined` for a network error. */
function violationOf(error: Error): ViolationCode | undefined {
  const name: unknown = "code" in error ? error.code : undefined;
  switch (name) {
    case "WS_ERR_INVALID_UTF8":
      return 1007;
    case "WS_ERR_TOO_MANY_BUFFERED_PARTS":
      return 1008;
    case "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH":
    case "WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH":
      return 1009;
    default:
      return typeof name === "string" && name.startsWith("WS_ERR_") ? 1002 : undefined;
  }
}
