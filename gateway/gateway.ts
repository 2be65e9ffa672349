/**
 * The gateway as one object: admits connections, ties them to the hub and the log, answers who is there,
 * and drains. It knows neither HTTP nor `Deno.serve`, so that tests and the simulation run it whole.
 *
 * @module
 */

import { Admission, type AdmissionOptions, type Permit } from "./admission.ts";
import { Connection } from "./session/connection.ts";
import type { ConnectionContext, ConnectionOptions } from "./session/connection_context.ts";
import { Hub } from "./hub.ts";
import type { Metrics } from "./metrics.ts";
import type {
  Clock,
  IdGenerator,
  Logger,
  MessageLog,
  Presence,
  Socket,
  TokenVerifier,
  UserCommand,
  Users,
} from "./ports.ts";
import type { Reduce } from "./protocol/mod.ts";
import { LogThrottle } from "./log_throttle.ts";

/** What a gateway works with. */
export interface GatewayOptions {
  /** Both scales of time, and timers. */
  readonly clock: Clock;
  /** Names of connections. */
  readonly ids: IdGenerator;
  /** Where it says what happens. */
  readonly logger: Logger;
  /** Where it counts. */
  readonly metrics: Metrics;
  /** Decides on the tokens of clients. */
  readonly verifier: TokenVerifier;
  /** Keeps messages and hands them over. */
  readonly log: MessageLog;
  /** How many connections there may be, and how often they may come. */
  readonly limits: AdmissionOptions;
  /** What each connection works by. */
  readonly connection: ConnectionOptions;
  /** Most deliveries in one turn of the event loop; see {@linkcode Hub}. */
  readonly turnDeliveries?: number;
  /** Another reducer than the protocol's, for tests that put a bug in. */
  readonly reduce?: Reduce;
}

/** A connection that was admitted and whose socket is not open yet. */
export interface PendingConnection {
  /** The socket is open: the session begins. */
  accept(socket: Socket): Connection;
  /** The socket never opened. */
  abandon(): void;
}

/** Why a connection is not let in. */
export type Refused =
  /** The gateway is shutting down. */
  | "draining"
  /** There are too many to say so by a close code. */
  | "full"
  /** Its address connects too often. */
  | "too soon";

/** A running gateway. */
export class Gateway implements Users {
  readonly #options: GatewayOptions;
  readonly #context: ConnectionContext<Connection>;
  readonly #hub: Hub<Connection>;
  readonly #admission: Admission;
  readonly #connections = new Set<Connection>();
  readonly #unsubscribe: () => void;
  #draining = false;
  #emptied: (() => void)[] = [];

  /** Starts to fan out what the log hands over. */
  constructor(options: GatewayOptions) {
    const { clock, logger, metrics, verifier, log, reduce } = options;
    this.#options = options;
    const { turnDeliveries } = options;
    this.#hub = new Hub<Connection>({
      ...{ clock, position: log.head(), turnDeliveries },
      runLength: options.connection.maxBufferedBytes / 4,
    });
    this.#unsubscribe = log.subscribe((messages) => {
      metrics.published(messages.length);
      this.#hub.publish(messages);
    });
    this.#admission = new Admission(clock, options.limits);
    const logThrottle = new LogThrottle(clock);
    this.#context = {
      ...{ clock, logger, metrics, logThrottle, verifier, log, hub: this.#hub },
      options: options.connection,
      gone: (connection) => this.#gone(connection),
      ...reduce === undefined ? {} : { reduce },
    };
  }

  /** Every connection whose socket is not gone. */
  get connections(): ReadonlySet<Connection> {
    return this.#connections;
  }

  /** Whether the gateway is on its way out. */
  get draining(): boolean {
    return this.#draining;
  }

  /** Sizes of every table, for tests: all are 0 when nobody is connected. */
  get tables(): Readonly<Record<string, number>> {
    return {
      ...this.#hub.tables,
      connections: this.#connections.size,
      admitted: this.#admission.connections,
      addresses: this.#admission.addresses,
    };
  }

  /** Resolves when the fan-out is close enough to the log for more to be published. */
  ready(): Promise<void> {
    return this.#hub.ready();
  }

  /** Admits a connection from `address` before its upgrade, or says why it gets none. */
  connect(address: string): PendingConnection | Refused {
    const { metrics } = this.#options;
    if (this.#draining) {
      metrics.refused("draining");
      return "draining";
    }
    const permit = this.#admission.admit(address);
    if (typeof permit === "string") {
      metrics.refused(permit);
      return permit === "rate" ? "too soon" : "full";
    }
    if (permit.refusal !== undefined) metrics.refused(permit.refusal);
    return {
      accept: (socket) => this.#accept(socket, address, permit),
      abandon: () => {
        permit.release();
        this.#tellIfEmpty();
      },
    };
  }

  /**
   * Executes `command` on the connections that are ready now, between the messages that the log handed over
   * before and those that it will. Resolves with the number of connections that it closed.
   */
  execute(command: UserCommand): Promise<number> {
    const connections = this.#hub.membersOf(command.user);
    const place = this.#options.log.head().sequence;
    // What is replayed does not come through the hub, and may be ahead of it.
    for (const connection of connections) connection.executeInReplay(command, place);
    return new Promise((resolve) => {
      this.#hub.inOrder(() => {
        resolve(connections.filter((connection) => connection.execute(command)).length);
      });
    });
  }

  /** Counts the ready connections of `user`, with their channels. */
  presence(user: string): Presence {
    const connections = this.#hub.membersOf(user);
    const channels = new Set<string>();
    for (const connection of connections) {
      for (const channel of this.#hub.channelsOf(connection)) channels.add(channel);
    }
    return { connections: connections.length, channels: [...channels].sort() };
  }

  /**
   * Admits nobody any more, closes every connection with 1012, spread over `spreadMs` so that not all
   * clients come back at once, and resolves when they are gone, or cut, or past being cut.
   */
  async drain(spreadMs: number): Promise<void> {
    const { clock, connection: { closeGraceMs } } = this.#options;
    this.#draining = true;
    const connections = [...this.#connections];
    const timers = connections.map((connection, index) => {
      const delayMs = connections.length < 2 ? 0 : spreadMs * index / (connections.length - 1);
      return clock.setTimer(delayMs, () => connection.feed({ type: "drained" }));
    });
    await new Promise<void>((resolve) => {
      timers.push(clock.setTimer(spreadMs + 2 * closeGraceMs, resolve));
      this.#whenEmpty(resolve);
    });
    for (const timer of timers) timer.cancel();
    this.#unsubscribe();
  }

  #whenEmpty(callback: () => void): void {
    this.#emptied.push(callback);
    this.#tellIfEmpty();
  }

  #accept(socket: Socket, address: string, permit: Permit): Connection {
    const connection = new Connection({
      ...{ id: this.#options.ids.next(), address, socket, permit },
      context: this.#context,
    });
    this.#connections.add(connection);
    connection.open(permit.refusal === undefined ? "opened" : "refused");
    // It was admitted before the drain began and opened after: nobody else would tell it.
    if (this.#draining) connection.feed({ type: "drained" });
    return connection;
  }

  #gone(connection: Connection): void {
    this.#connections.delete(connection);
    this.#tellIfEmpty();
  }

  /** Counts what was admitted and not only what has opened: an upgrade may be under way. */
  #tellIfEmpty(): void {
    if (this.#admission.connections > 0) return;
    const emptied = this.#emptied;
    this.#emptied = [];
    for (const callback of emptied) callback();
  }
}
