/**
 * Bounds the connections of the `node` transport that have not sent a request: idle ones, slow heads, and
 * keep-alive after an answer.
 *
 * Each has a deadline, and they are limited like WebSockets, in all and per address. A new one displaces the one
 * that has waited longest, so that a client that sends its request at once gets through a crowd that does not.
 *
 * @module
 */

import type { Socket as TcpSocket } from "node:net";
import type { Clock, Timer } from "../ports.ts";

/** Time for a new connection to send the head of its request, TLS handshake included. */
const HEAD_MS = 10_000;
/** The same for the next request on a connection. Longer than the usual 60 s of load balancers. */
const NEXT_HEAD_MS = 75_000;

/**
 * Most pipelined requests of one connection. A client can put 2,000 into a single read, which blocked the event
 * loop for 20 s.
 */
const MAX_PIPELINED = 16;

export interface WaitingOptions {
  readonly clock: Clock;
  /** Behind a proxy, the limit per address does not apply. */
  readonly trustedProxies: number;
  readonly limits: { readonly maxConnections: number; readonly maxConnectionsPerIp: number };
}

interface Waiting {
  /** The TCP connection, also of a TLS one. */
  readonly socket: TcpSocket;
  readonly address: string;
  /** Runs while a request is awaited. */
  timer: Timer | undefined;
  /** Unanswered requests. */
  requests: number;
}

/** The connections, oldest first. */
export class WaitingConnections {
  readonly #options: WaitingOptions;
  /** By the peer's address and port, which a TLS socket shares with its TCP socket. */
  readonly #entries = new Map<string, Waiting>();
  readonly #waiting = new Set<Waiting>();
  readonly #byAddress = new Map<string, Set<Waiting>>();
  #closed = false;

  constructor(options: WaitingOptions) {
    this.#options = options;
  }

  add(socket: TcpSocket): void {
    const key = keyOf(socket);
    const entry: Waiting = {
      socket,
      address: socket.remoteAddress ?? "",
      timer: undefined,
      requests: 0,
    };
    this.#entries.set(key, entry);
    socket.on("error", () => {});
    socket.once("close", () => {
      if (this.#entries.get(key) === entry) this.delete(socket);
      this.#wait(entry, undefined);
    });
    this.#makeRoom(entry.address);
    this.#wait(entry, HEAD_MS);
  }

  /**
   * Records a request head on `socket`; returns whether to answer it. If not, the connection is closed.
   *
   * @param alone refuses it while another request is unanswered, as for an upgrade
   */
  requested(socket: TcpSocket, { alone = false }: { readonly alone?: boolean } = {}): boolean {
    // First, because the same read may contain thousands more.
    if (socket.destroyed) return false;
    const entry = this.#entries.get(keyOf(socket));
    if (entry === undefined) return false;
    this.#wait(entry, undefined);
    entry.requests += 1;
    if (entry.requests <= (alone ? 1 : MAX_PIPELINED)) return true;
    entry.socket.destroy();
    return false;
  }

  /** Records an answer; after the last, the deadline for the next request starts. */
  answered(socket: TcpSocket): void {
    const entry = this.#entries.get(keyOf(socket));
    if (entry === undefined) return;
    entry.requests -= 1;
    if (entry.requests > 0) return;
    if (this.#closed) entry.socket.destroySoon();
    else this.#wait(entry, NEXT_HEAD_MS);
  }

  /** Removes a connection that is closed, or a WebSocket now. */
  delete(socket: TcpSocket): void {
    const key = keyOf(socket);
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#wait(entry, undefined);
    this.#entries.delete(key);
  }

  /** Closes waiting connections, and the others once they are answered. */
  close(): void {
    this.#closed = true;
    for (const { socket } of [...this.#waiting]) socket.destroy();
  }

  /** Sets or clears the deadline for the next head. */
  #wait(entry: Waiting, ms: number | undefined): void {
    entry.timer?.cancel();
    entry.timer = undefined;
    if (ms === undefined) {
      this.#waiting.delete(entry);
      const same = this.#byAddress.get(entry.address);
      same?.delete(entry);
      if (same?.size === 0) this.#byAddress.delete(entry.address);
      return;
    }
    entry.timer = this.#options.clock.setTimer(ms, () => entry.socket.destroy());
    this.#waiting.add(entry);
    const same = this.#byAddress.get(entry.address);
    if (same === undefined) this.#byAddress.set(entry.address, new Set([entry]));
    else same.add(entry);
  }

  #makeRoom(address: string): void {
    const { trustedProxies, limits: { maxConnections, maxConnectionsPerIp } } = this.#options;
    const same = this.#byAddress.get(address);
    const full = trustedProxies === 0 && same !== undefined && same.size >= maxConnectionsPerIp
      ? same
      : this.#waiting.size >= maxConnections
      ? this.#waiting
      : undefined;
    const [oldest] = full ?? [];
    if (oldest === undefined) return;
    this.#wait(oldest, undefined);
    oldest.socket.destroy();
  }
}

function keyOf({ remoteAddress, remotePort }: TcpSocket): string {
  return `${remoteAddress} ${remotePort}`;
}
