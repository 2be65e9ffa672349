/**
 * Connections of the `node` transport from which a request is awaited: silent ones, ones that send a head
 * byte by byte, and ones that are kept alive after an answer.
 *
 * Each has a deadline, and there are no more of them than there may be WebSockets, in all and from one
 * address. When one more comes, the one that has waited longest goes, so that a client that sends its request
 * at once gets through a crowd that does not.
 *
 * @module
 */

import type { Socket as TcpSocket } from "node:net";
import type { Clock, Timer } from "../ports.ts";

/** How long a new connection may take to send the head of its request, TLS handshake included. */
const HEAD_MS = 10_000;
/** The same for the next request on a connection. Longer than balancers keep theirs, 60 s as a rule. */
const NEXT_HEAD_MS = 75_000;

/**
 * Most requests of one connection that are answered at the same time. A client that sends one after the
 * other without an answer can put 2,000 into a single read, which took 20 s of the event loop.
 */
const MAX_PIPELINED = 16;

/** What {@linkcode WaitingConnections} works with. */
export interface WaitingOptions {
  /** For deadlines. */
  readonly clock: Clock;
  /** With a proxy in front, addresses say nothing about clients. */
  readonly trustedProxies: number;
  /** Most that wait in all, and from one address. */
  readonly limits: { readonly maxConnections: number; readonly maxConnectionsPerIp: number };
}

/** A connection that is not a WebSocket. */
interface Waiting {
  /** The TCP connection, also of a TLS one. */
  readonly socket: TcpSocket;
  readonly address: string;
  /** Runs while a request is awaited. */
  timer: Timer | undefined;
  /** Requests that are being answered. */
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

  /** There are none. */
  constructor(options: WaitingOptions) {
    this.#options = options;
  }

  /** A connection was accepted. */
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
   * The head of a request has arrived on `socket`. Returns whether it is to be answered; if not, the
   * connection has been ended.
   *
   * @param alone whether nothing else may be under way, as before an upgrade: its answer would come in
   * between
   */
  requested(socket: TcpSocket, { alone = false }: { readonly alone?: boolean } = {}): boolean {
    // First, because there may be thousands more in the same read.
    if (socket.destroyed) return false;
    const entry = this.#entries.get(keyOf(socket));
    if (entry === undefined) return false;
    this.#wait(entry, undefined);
    entry.requests += 1;
    if (entry.requests <= (alone ? 1 : MAX_PIPELINED)) return true;
    entry.socket.destroy();
    return false;
  }

  /** A request was answered; after the last, the next is awaited. */
  answered(socket: TcpSocket): void {
    const entry = this.#entries.get(keyOf(socket));
    if (entry === undefined) return;
    entry.requests -= 1;
    if (entry.requests > 0) return;
    if (this.#closed) entry.socket.destroySoon();
    else this.#wait(entry, NEXT_HEAD_MS);
  }

  /** `socket` is a WebSocket now, or gone. */
  delete(socket: TcpSocket): void {
    const key = keyOf(socket);
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#wait(entry, undefined);
    this.#entries.delete(key);
  }

  /** Ends those that wait, and others once they are answered. */
  close(): void {
    this.#closed = true;
    for (const { socket } of [...this.#waiting]) socket.destroy();
  }

  /** Sets or ends the time for the next head. */
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
