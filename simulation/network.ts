/**
 * Simulates the network between clients and gateway, with its faults. It loses, delays and breaks
 * connections; within one it keeps the order and repeats nothing, as TCP does.
 *
 * @module
 */

import type { Connection } from "../gateway/session/connection.ts";
import type { PendingConnection, Refused } from "../gateway/gateway.ts";
import type { Outgoing, Socket, SocketListener } from "../gateway/ports.ts";
import type { FakeClock } from "../mock/doubles/clock.ts";
import type { Seams } from "./options.ts";
import { type OddFrame, type Packet, Pipe, type Weather } from "./pipe.ts";
import type { Random } from "../mock/chaos/random.ts";

/** Time until the server's TCP gives up a connection whose peer does not read, in milliseconds. */
const TCP_GIVES_UP_MS = 15 * 60_000;
/** An empty client frame with its mask. */
const ODD_FRAME_BYTES = 6;
const RESET: Packet = { kind: "reset" };

/** Observes the server's side of every connection, for the checkers. */
export interface LinkObserver {
  admitted(link: Link, answer: "entry" | Refused): void;
  /** The socket is about to be handed to the gateway. */
  opened(link: Link): void;
  /** `connection` serves the link from now on. */
  served(link: Link, connection: Connection): void;
  /** Called before the gateway receives the message. */
  serverReceived(link: Link, data: string | Uint8Array | OddFrame): void;
  serverSent(link: Link, text: string): void;
  serverClosed(link: Link, code: number): void;
  /** The gateway called `terminate()`, which may have to wait. */
  serverTerminated(link: Link): void;
  /** The socket is closed and the gateway notified, or the process has died. */
  serverEnded(link: Link, how: "closed" | "died"): void;
}

export interface ClientListener {
  received(text: string): void;
  /** The connection ended, with this close code or without a close frame. */
  closed(code: number | undefined): void;
}

/** Admits connections to a running gateway. */
export interface Acceptor {
  /** Number of the process. */
  readonly number: number;
  connect(address: string): PendingConnection | Refused;
}

export interface NetworkOptions {
  readonly clock: FakeClock;
  readonly random: Random;
  readonly observer: LinkObserver;
  /** Some packets take seconds. */
  readonly spikes: boolean;
  readonly seams: Seams;
  /** Called when promises may settle because of the network. */
  readonly markDirty: () => void;
}

export class Network {
  readonly options: NetworkOptions;
  /** Connections with an open server side, oldest first. */
  readonly links: Set<Link> = new Set<Link>();
  readonly #acceptors = new Set<Acceptor>();
  #count = 0;

  constructor(options: NetworkOptions) {
    this.options = options;
  }

  /** Routes new connections to `acceptor` too. */
  open(acceptor: Acceptor): void {
    this.#acceptors.add(acceptor);
  }

  /** Stops routing to `acceptor`. */
  shut(acceptor: Acceptor): void {
    this.#acceptors.delete(acceptor);
  }

  isOpen(acceptor: Acceptor): boolean {
    return this.#acceptors.has(acceptor);
  }

  /** Picks a running gateway, as a load balancer does. */
  balance(random: Random): Acceptor | undefined {
    const [first, ...others] = this.#acceptors;
    return first === undefined || others.length === 0 ? first : random.pick([first, ...others]);
  }

  /** Starts to connect from `address`. */
  connect(address: string, listener: ClientListener): Link {
    return new Link(this, { id: ++this.#count, address, listener });
  }

  /** Ends the server's side of the connections of a process, or of all. */
  serverDied(how: "reset" | "silent", node?: number): void {
    for (const link of [...this.links]) {
      if (node === undefined || link.node === node) link.serverDied(how);
    }
  }
}

export class Link {
  /** Ascending from 1. */
  readonly id: number;
  readonly address: string;
  /** Number of the process that serves it; 0 before. */
  node = 0;
  readonly #network: Network;
  readonly #toServer: Pipe;
  readonly #toClient: Pipe;
  #listener: ClientListener | undefined;
  #server: ServerSocket | undefined;
  #deadAtMs: number | undefined;

  constructor(
    network: Network,
    { id, address, listener }: {
      readonly id: number;
      readonly address: string;
      readonly listener: ClientListener;
    },
  ) {
    this.id = id;
    this.address = address;
    this.#network = network;
    this.#listener = listener;
    const { clock, spikes } = network.options;
    const random = network.options.random.fork(`link${id}`);
    const weather: Weather = { latencyMs: random.int(3, 120), spikes };
    const common = { clock, random, weather };
    this.#toServer = new Pipe({ ...common, deliver: (packet) => this.#reachServer(packet) });
    this.#toClient = new Pipe({
      ...common,
      deliver: (packet) => this.#reachClient(packet),
      flushed: () => this.#server?.flushed(),
      batches: true,
    });
    clock.setTimer(weather.latencyMs, () => this.#knock(random));
  }

  /** Bytes that the gateway's runtime still buffers. */
  get backedUpBytes(): number {
    return this.#toClient.backedUpBytes;
  }

  /** Steady time at which bytes were last buffered, in milliseconds. */
  get backedUpAtMs(): number {
    return this.#toClient.backedUpAtMs;
  }

  /** Steady time since which the connection is silently dead, in milliseconds. */
  get deadAtMs(): number | undefined {
    return this.#deadAtMs;
  }

  /** Sends a message, or a frame that is no message. */
  clientSend(data: string | Uint8Array | OddFrame): void {
    const isMessage = typeof data === "string" || data instanceof Uint8Array;
    this.#toServer.push(data, isMessage ? data.length : ODD_FRAME_BYTES);
  }

  /** Sends a close frame; the client receives nothing more. */
  clientClose(): void {
    this.#listener = undefined;
    this.#toServer.push({ kind: "close", code: 1000 }, 4);
  }

  clientAnswersClose(code: number): void {
    this.#toServer.push({ kind: "close", code }, 4);
  }

  /** Ends the client's side: the gateway sees a reset or nothing. */
  clientGone(how: "reset" | "silent"): void {
    this.#listener = undefined;
    if (how === "silent") this.drop();
    else this.#toServer.push(RESET, 0);
  }

  /** Silently drops everything in both directions. */
  drop(): void {
    this.#deadAtMs ??= this.#network.options.clock.steady();
    this.#toServer.kill();
    this.#toClient.kill();
  }

  /** Resets both sides. */
  reset(): void {
    this.#toServer.push(RESET, 0);
    this.#toClient.push(RESET, 0);
  }

  /** Pauses one direction for `ms`. */
  stall(direction: "toServer" | "toClient", ms: number): void {
    const pipe = direction === "toServer" ? this.#toServer : this.#toClient;
    pipe.pause();
    this.#network.options.clock.setTimer(ms, () => pipe.resume());
  }

  /** Limits the bandwidth to the client for `ms`. */
  throttle(bytesPerMs: number, ms: number): void {
    this.#toClient.throttle(bytesPerMs);
    this.#network.options.clock.setTimer(ms, () => this.#toClient.throttle(Infinity));
  }

  /** Ends the server's side: its kernel sends a reset, or the machine is gone. */
  serverDied(how: "reset" | "silent"): void {
    this.#server?.die();
    this.#server = undefined;
    this.#network.links.delete(this);
    this.#network.options.observer.serverEnded(this, "died");
    if (how === "silent") this.drop();
    else this.#toClient.push(RESET, 0);
  }

  /** For the server's side. */
  serverPush(packet: Packet, bytes: number): void {
    this.#toClient.push(packet, bytes);
  }

  /** For the server's side. */
  serverGone(): void {
    this.#network.links.delete(this);
    this.#network.options.observer.serverEnded(this, "closed");
    this.#network.options.markDirty();
  }

  #knock(random: Random): void {
    const { options } = this.#network;
    const acceptor = this.#network.balance(options.random.fork(`balancer${this.id}`));
    if (acceptor === undefined) return this.#refuse();
    this.node = acceptor.number;
    const entry = acceptor.connect(this.address);
    options.observer.admitted(this, typeof entry === "string" ? entry : "entry");
    if (typeof entry === "string") return this.#refuse();
    // The client may be gone before a slow upgrade completes.
    const upgradeMs = random.chance(0.02) ? random.int(0, 3000) : random.int(0, 5);
    options.clock.setTimer(upgradeMs, () => {
      if (!this.#network.isOpen(acceptor)) return this.#refuse();
      if (this.#listener === undefined) {
        options.observer.serverEnded(this, "closed");
        return entry.abandon();
      }
      const server = new ServerSocket(this, options);
      this.#server = server;
      this.#network.links.add(this);
      options.observer.opened(this);
      options.markDirty();
      const connection = entry.accept(options.seams.socket?.(server) ?? server);
      options.observer.served(this, connection);
      options.seams.accepted?.(connection);
    });
  }

  #refuse(): void {
    const listener = this.#listener;
    this.#listener = undefined;
    listener?.closed(undefined);
  }

  #reachServer(packet: Packet): void {
    this.#server?.arrive(packet);
  }

  #reachClient(packet: Packet): void {
    const listener = this.#listener;
    if (listener === undefined) return;
    if (typeof packet === "string") return listener.received(packet);
    this.#listener = undefined;
    listener.closed("kind" in packet && packet.kind === "close" ? packet.code : undefined);
  }
}

class ServerSocket implements Socket {
  readonly #link: Link;
  readonly #options: NetworkOptions;
  #state: "open" | "closing" | "closed" = "open";
  #listener: SocketListener | undefined;
  #givingUp = false;
  #awaitsFlush = false;

  constructor(link: Link, options: NetworkOptions) {
    this.#link = link;
    this.#options = options;
  }

  get bufferedBytes(): number {
    return this.#state === "open" ? this.#link.backedUpBytes : 0;
  }

  listen(listener: SocketListener): void {
    this.#listener = listener;
  }

  send({ texts }: Outgoing): void {
    if (this.#state !== "open") return;
    for (const text of texts) {
      this.#options.observer.serverSent(this.#link, text);
      this.#link.serverPush(text, text.length);
    }
  }

  notifyFlushed(): void {
    this.#awaitsFlush = true;
    if (this.bufferedBytes === 0) this.#options.clock.setTimer(0, () => this.flushed());
  }

  /** The network has taken all buffered bytes. */
  flushed(): void {
    if (!this.#awaitsFlush) return;
    this.#awaitsFlush = false;
    this.#options.markDirty();
    this.#listener?.flushed();
  }

  close(code: number, _reason: string): void {
    if (this.#state !== "open") return;
    this.#state = "closing";
    this.#options.observer.serverClosed(this.#link, code);
    this.#options.markDirty();
    this.#link.serverPush({ kind: "close", code }, 4);
  }

  terminate(): boolean {
    if (this.#state === "closed") return true;
    this.#options.observer.serverTerminated(this.#link);
    if (this.#link.backedUpBytes > 0) {
      if (!this.#givingUp) this.#options.clock.setTimer(TCP_GIVES_UP_MS, () => this.#end());
      this.#givingUp = true;
      return false;
    }
    this.#state = "closed";
    this.#link.serverPush(RESET, 0);
    // The gateway is notified after it has finished its current step.
    this.#options.clock.setTimer(0, () => this.#tell());
    return true;
  }

  /** Receives a packet from the client. */
  arrive(packet: Packet): void {
    if (this.#state === "closed") return;
    if (typeof packet === "string" || packet instanceof Uint8Array) {
      this.#options.observer.serverReceived(this.#link, packet);
      this.#listener?.messageReceived(packet);
      return;
    }
    if (packet.kind === "control" || packet.kind === "violation") {
      this.#options.observer.serverReceived(this.#link, packet);
      if (packet.kind === "control") this.#listener?.controlReceived();
      else this.#listener?.violated(packet.code);
      return;
    }
    // Runtimes answer a close frame themselves.
    if (packet.kind === "close" && this.#state === "open") this.#link.serverPush(packet, 4);
    this.#end();
  }

  /** Ends with the process; calls no listener. */
  die(): void {
    this.#state = "closed";
    this.#listener = undefined;
  }

  #end(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#tell();
  }

  #tell(): void {
    if (this.#listener === undefined) return;
    const listener = this.#listener;
    this.#listener = undefined;
    this.#link.serverGone();
    listener.closed();
  }
}
