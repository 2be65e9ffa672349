/**
 * The server's end of a WebSocket that leads nowhere: it answers each heartbeat at once, and reports how late it
 * was. So one process can have more connections than it could have descriptors.
 *
 * @module
 */

import type { Outgoing, Socket, SocketListener } from "../../gateway/ports.ts";

const HEARTBEAT = '{"op":10,';

export interface EchoSocketOptions {
  readonly intervalMs: number;
  /** Steady time. */
  now(): number;
  /** Called with each heartbeat: by how much it missed its time. */
  beat(lateMs: number): void;
}

export class EchoSocket implements Socket {
  readonly bufferedBytes = 0;
  readonly #options: EchoSocketOptions;
  #listener: SocketListener | undefined;
  #dueAt: number;

  constructor(options: EchoSocketOptions) {
    this.#options = options;
    this.#dueAt = options.now() + options.intervalMs;
  }

  listen(listener: SocketListener): void {
    this.#listener = listener;
  }

  /** Passes on what a peer would have sent. */
  receive(text: string): void {
    this.#listener?.messageReceived(text);
  }

  send({ texts }: Outgoing): void {
    for (const text of texts) {
      if (!text.startsWith(HEARTBEAT)) continue;
      const now = this.#options.now();
      this.#options.beat(now - this.#dueAt);
      this.#dueAt = now + this.#options.intervalMs;
      queueMicrotask(() => this.receive(text.replace('"op":10', '"op":11')));
    }
  }

  notifyFlushed(): void {
    queueMicrotask(() => this.#listener?.flushed());
  }

  close(code: number, reason: string): void {
    throw new Error(`closed with ${code}: ${reason}`);
  }

  terminate(): boolean {
    return true;
  }
}
