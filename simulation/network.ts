/**
 * The virtual network: connections between simulated clients and the gateway, and what goes wrong with
 * them. It loses, delays and breaks off, but within one connection it keeps the order and repeats
 * nothing, as TCP does; between connections it keeps no order.
 *
 * @module
 */

import type { Connection } from "../gateway/session/connection.ts";
import type { PendingConnection, Refused } from "../gateway/gateway.ts";
import type { Outgoing, Socket, SocketListener } from "../gateway/ports.ts";
import type { FakeClock } from "../mock/doubles/clock.ts";
import { type OddFrame, type Packet, Pipe, type Weather } from "./pipe.ts";
import type { Random } from "./random.ts";

/** When the server's TCP gives up a connection that takes nothing, in milliseconds. */
const TCP_GIVES_UP_MS = 15 * 60_000;
/** An empty frame of a client, with its mask. */
const ODD_FRAME_BYTES = 6;
const RESET: Packet = { kind: "reset" };

/** Who sees what happens on the server's side of every connection, for the checkers. */
export interface LinkObserver {
  /** The gateway was asked to admit the connection, and answered. */
  admitted(link: Link, answer: "entry" | Refused): void;
  /** The socket was handed to the gateway. */
  opened(link: Link): void;
  /** The gateway serves the connection with this object. */
  served(link: Link, connection: Connection): void;
  /** A message of the client reached the gateway; called before the gateway has it. */
  serverReceived(link: Link, data: string | Uint8Array | OddFrame): void;
  /** The gateway sent a frame. */
  serverSent(link: Link, text: string): void;
  /** The gateway sent a close frame. */
  serverClosed(link: Link, code: number): void;
  /** The gateway asked to cut the connection. */
  serverTerminated(link: Link): void;
  /** The socket is gone and the gateway was told. */
  serverGone(link: Link): void;
  /** The gateway's process ended. */
  serverDied(link: Link): void;
}

/** The client's side of a connection. */
export interface ClientListener {
  /** A message arrived. */
  received(text: string): void;
  /** The connection ended: with this close code, or without one. */
  closed(code: number | undefined): void;
}

/** Where connections are admitted while a gateway runs. */
export interface Acceptor {
  /** Tells processes apart. */
  readonly number: number;
  /** Admits a connection. */
  connect(address: string): PendingConnection | Refused;
}

/** What a network works with. */
export interface NetworkOptions {
  readonly clock: FakeClock;
  readonly random: Random;
  readonly observer: LinkObserver;
  /** Whether some packets take seconds. */
  readonly spikes: boolean;
  /** Replaces the server's side of a socket, for tests that put a bug in. */
  readonly wrap: (socket: Socket) => Socket;
  /** Called with every connection that the gateway has begun to serve. */
  readonly accepted: (connection: Connection) => void;
  /** Called when promises may settle because of what the network did. */
  readonly markDirty: () => void;
}

/** All connections of a world. */
export class Network {
  /** What it works with. */
  readonly options: NetworkOptions;
  /** Connections whose server side is open, oldest first. */
  readonly links: Set<Link> = new Set<Link>();
  readonly #acceptors = new Set<Acceptor>();
  #count = 0;

  /** A network without a connection. */
  constructor(options: NetworkOptions) {
    this.options = options;
  }

  /** Connections may go to `acceptor` from now on. */
  open(acceptor: Acceptor): void {
    this.#acceptors.add(acceptor);
  }

  /** No connection goes to `acceptor` any more. */
  shut(acceptor: Acceptor): void {
    this.#acceptors.delete(acceptor);
  }

  /** Whether connections go to `acceptor`. */
  isOpen(acceptor: Acceptor): boolean {
    return this.#acceptors.has(acceptor);
  }

  /** A gateway that runs, as a balancer picks one. */
  balance(random: Random): Acceptor | undefined {
    const [first, ...others] = this.#acceptors;
    return first === undefined || others.length === 0 ? first : random.pick([first, ...others]);
  }

  /** Begins to connect from `address`. */
  connect(address: string, listener: ClientListener): Link {
    return new Link(this, { id: ++this.#count, address, listener });
  }

  /** Ends the server's side of the connections of a process, or of all, with it. */
  serverDied(how: "reset" | "silent", node?: number): void {
    for (const link of [...this.links]) {
      if (node === undefined || link.node === node) link.serverDied(how);
    }
  }
}

/** One connection. */
export class Link {
  /** Counts up, the first is 1. */
  readonly id: number;
  /** The client's address. */
  readonly address: string;
  /** The number of the process that serves it; 0 before there is one. */
  node = 0;
  readonly #network: Network;
  readonly #toServer: Pipe;
  readonly #toClient: Pipe;
  #listener: ClientListener | undefined;
  #server: ServerSocket | undefined;
  #deadAtMs: number | undefined;

  /** A connection that is on its way to the gateway. */
  constructor(
    network: Network,
    parts: { readonly id: number; readonly address: string; readonly listener: ClientListener },
  ) {
    this.id = parts.id;
    this.address = parts.address;
    this.#network = network;
    this.#listener = parts.listener;
    const { clock, spikes } = network.options;
    const random = network.options.random.fork(`link${parts.id}`);
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

  /** Bytes that the gateway's runtime could not hand to the network. */
  get backedUpBytes(): number {
    return this.#toClient.backedUpBytes;
  }

  /** When that was last so, in steady milliseconds. */
  get backedUpAtMs(): number {
    return this.#toClient.backedUpAtMs;
  }

  /** Since when nothing passes any more though nobody was told, in steady milliseconds. */
  get deadAtMs(): number | undefined {
    return this.#deadAtMs;
  }

  /** The client sends a message, or what is none. */
  clientSend(data: string | Uint8Array | OddFrame): void {
    const isMessage = typeof data === "string" || data instanceof Uint8Array;
    this.#toServer.push(data, isMessage ? data.length : ODD_FRAME_BYTES);
  }

  /** The client sends a close frame and hears nothing more. */
  clientClose(): void {
    this.#listener = undefined;
    this.#toServer.push({ kind: "close", code: 1000 }, 4);
  }

  /** The client answers the gateway's close frame. */
  clientAnswersClose(code: number): void {
    this.#toServer.push({ kind: "close", code }, 4);
  }

  /** The client is gone: the gateway is told by a reset, or not at all. */
  clientGone(how: "reset" | "silent"): void {
    this.#listener = undefined;
    if (how === "silent") this.drop();
    else this.#toServer.push(RESET, 0);
  }

  /** Nothing passes any more, in either direction, and nobody is told. */
  drop(): void {
    this.#deadAtMs ??= this.#network.options.clock.steady();
    this.#toServer.kill();
    this.#toClient.kill();
  }

  /** Both sides are told that the connection is no more. */
  reset(): void {
    this.#toServer.push(RESET, 0);
    this.#toClient.push(RESET, 0);
  }

  /** One direction stands still for `ms`. */
  stall(direction: "toServer" | "toClient", ms: number): void {
    const pipe = direction === "toServer" ? this.#toServer : this.#toClient;
    pipe.pause();
    this.#network.options.clock.setTimer(ms, () => pipe.resume());
  }

  /** What the gateway sends takes its time, for `ms`. */
  throttle(bytesPerMs: number, ms: number): void {
    this.#toClient.throttle(bytesPerMs);
    this.#network.options.clock.setTimer(ms, () => this.#toClient.throttle(Infinity));
  }

  /** The server's process ended: its kernel says so, or the whole machine is gone. */
  serverDied(how: "reset" | "silent"): void {
    this.#server?.die();
    this.#server = undefined;
    this.#network.links.delete(this);
    this.#network.options.observer.serverDied(this);
    if (how === "silent") this.drop();
    else this.#toClient.push(RESET, 0);
  }

  /** For the server's side: sends towards the client. */
  serverPush(packet: Packet, bytes: number): void {
    this.#toClient.push(packet, bytes);
  }

  /** For the server's side: it is gone. */
  serverGone(): void {
    this.#network.links.delete(this);
    this.#network.options.observer.serverGone(this);
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
    // An upgrade may take long enough for the client to be gone meanwhile.
    const upgradeMs = random.chance(0.02) ? random.int(0, 3000) : random.int(0, 5);
    options.clock.setTimer(upgradeMs, () => {
      if (!this.#network.isOpen(acceptor)) return this.#refuse();
      if (this.#listener === undefined) {
        options.observer.serverGone(this);
        return entry.abandon();
      }
      const server = new ServerSocket(this, options);
      this.#server = server;
      this.#network.links.add(this);
      options.observer.opened(this);
      options.markDirty();
      const connection = entry.accept(options.wrap(server));
      options.observer.served(this, connection);
      options.accepted(connection);
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

/** The gateway's side of a connection. */
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

  /** The network has taken everything. */
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
    // The gateway hears of it once it is done with what it does.
    this.#options.clock.setTimer(0, () => this.#tell());
    return true;
  }

  /** Something of the client arrived. */
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
    // A runtime answers a close frame by itself.
    if (packet.kind === "close" && this.#state === "open") this.#link.serverPush(packet, 4);
    this.#end();
  }

  /** The process is gone: nothing is called any more. */
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
