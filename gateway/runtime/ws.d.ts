/**
 * Types for the part of `ws` that the gateway uses. `@types/ws` brings `@types/node`, which conflicts with Deno's
 * types of node:*.
 *
 * @module
 */

import type { EventEmitter } from "node:events";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";

export class WebSocket extends EventEmitter {
  static readonly OPEN: 1;
  readonly readyState: 0 | 1 | 2 | 3;
  close(code?: number, reason?: string | Uint8Array): void;
  pong(data: Uint8Array): void;
  terminate(): void;
  /** Reads no more until it is resumed, which `ws` does not do by itself then. */
  pause(): void;
  on(event: "message", listener: (this: this, data: Buffer, isBinary: boolean) => void): this;
  on(event: "ping" | "pong", listener: (this: this, data: Buffer) => void): this;
  on(event: "error", listener: (this: this, error: Error) => void): this;
  on(event: "close", listener: (this: this, code: number, reason: Buffer) => void): this;
}

export interface ServerOptions<W extends typeof WebSocket> {
  readonly noServer: true;
  readonly clientTracking: boolean;
  readonly perMessageDeflate: boolean;
  /** In bytes. */
  readonly maxPayload: number;
  readonly maxFragments: number;
  readonly maxBufferedChunks: number;
  readonly autoPong: boolean;
  /** In milliseconds. */
  readonly closeTimeout: number;
  readonly handleProtocols: (protocols: Set<string>) => string | false;
  readonly WebSocket: W;
}

export class WebSocketServer<W extends typeof WebSocket = typeof WebSocket> {
  constructor(options: ServerOptions<W>);
  handleUpgrade(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    opened: (webSocket: InstanceType<W>) => void,
  ): void;
}
