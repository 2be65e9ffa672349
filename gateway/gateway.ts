/**
 * The gateway as one object: admits connections, connects them to hub and log, executes commands, reports
 * presence, and drains. It knows neither HTTP nor a transport, so that tests and the simulation run it whole.
 *
 * @module
 */

import { Admission, type AdmissionOptions } from "./admission.ts";
import { Connection, type ConnectionDeps } from "./session/connection.ts";
import type { ConnectionContext, ConnectionOptions } from "./session/connection_context.ts";
import { OperationalError } from "./errors.ts";
import { Hub } from "./hub/hub.ts";
import type { Metrics } from "./metrics/metrics.ts";
import type {
  ChannelPresence,
  ChannelUsersQuery,
  Clock,
  ConnectedUsersPage,
  IdGenerator,
  LimitedUsers,
  Logger,
  MessageLog,
  NodeDetails,
  Presence,
  Revocation,
  Signal,
  Signals,
  Socket,
  TokenVerifier,
  UserCommand,
  UserDetails,
  Users,
} from "./ports.ts";
import type { Reduce } from "./protocol/mod.ts";
import { LogThrottle } from "./log_throttle.ts";
import { overrideLog, Waiters } from "./util.ts";

/** Most connections of a user that are described. */
const MAX_SESSIONS = 100;

export interface GatewayOptions {
  readonly clock: Clock;
  /** Generates the ids of connections. */
  readonly ids: IdGenerator;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly verifier: TokenVerifier;
  readonly log: MessageLog;
  readonly limits: AdmissionOptions;
  readonly connection: ConnectionOptions;
  /** Told to operators. */
  readonly node: NodeDetails;
  /** See {@linkcode Hub}. */
  readonly turnDeliveries?: number;
  /** See {@linkcode Hub}. */
  readonly userChanged?: ((user: string, online: boolean) => void) | undefined;
  /** Replaces the protocol's reducer in tests that inject a bug. */
  readonly reduce?: Reduce;
}

/** An admitted connection whose socket is not open yet. */
export interface PendingConnection {
  /** Starts the session on the open socket. */
  accept(socket: Socket): Connection;
  /** Releases the permit: the socket never opened. */
  abandon(): void;
}

/** Reason for which a connection is refused before its upgrade. */
export type Refused =
  | "draining"
  /** A limit is reached, and too many refused connections are open for a close code. */
  | "full"
  /** Its address exceeds the rate. */
  | "too soon";

export class Gateway implements Users, LimitedUsers, Signals {
  onReady: (user: string) => void = () => {};
  /** The log for publishers: they wait while fan-out is behind, and what it could not store is counted. */
  readonly log: MessageLog;
  readonly #options: GatewayOptions;
  readonly #context: ConnectionContext<Connection>;
  readonly #hub: Hub<Connection>;
  readonly #admission: Admission;
  readonly #connections = new Set<Connection>();
  readonly #unsubscribe: () => void;
  #draining = false;
  readonly #emptied = new Waiters();

  /** Subscribes to the log; {@linkcode drain} unsubscribes. */
  constructor(options: GatewayOptions) {
    const { clock, logger, metrics, verifier, log, reduce } = options;
    this.#options = options;
    const { turnDeliveries, userChanged } = options;
    this.#hub = new Hub<Connection>({
      ...{ clock, position: log.head(), turnDeliveries, userChanged },
      runLength: options.connection.maxBufferedBytes / 4,
      signalsDropped: (count) => metrics.signalsDropped("overloaded", count),
    });
    this.#unsubscribe = log.subscribe((messages) => {
      metrics.published(messages.length);
      this.#hub.publish(messages);
    });
    this.log = withBackpressure(log, {
      whenBelowBacklogLimit: () => this.#hub.whenBelowBacklogLimit(),
      failed: () => metrics.logPublishFailed(),
    });
    this.#admission = new Admission(clock, options.limits);
    const logThrottle = new LogThrottle(clock);
    this.#context = {
      ...{ clock, logger, metrics, logThrottle, verifier, log, hub: this.#hub },
      options: options.connection,
      ready: (user) => this.#ready(user),
      gone: (connection) => this.#gone(connection),
      ...reduce === undefined ? {} : { reduce },
    };
  }

  /** Connections whose socket is not gone. */
  get connections(): ReadonlySet<Connection> {
    return this.#connections;
  }

  get draining(): boolean {
    return this.#draining;
  }

  /** Sizes of all tables, for tests; all are 0 without connections. */
  get tables(): Readonly<Record<string, number>> {
    return {
      ...this.#hub.tables,
      connections: this.#connections.size,
      admitted: this.#admission.connections,
      addresses: this.#admission.addresses,
    };
  }

  /** Calls `action` after the fan-out of everything that was published before. It must not throw. */
  afterFanOut(action: () => void): void {
    this.#hub.inOrder(action);
  }

  /**
   * Admits a connection from `address` before its upgrade, or returns the reason for refusing it. Its heartbeat
   * interval is `heartbeatIntervalMs` if that is shorter than the gateway's own.
   */
  connect(address: string, heartbeatIntervalMs = Infinity): PendingConnection | Refused {
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
      accept: (socket) => {
        const context = this.#contextWith(heartbeatIntervalMs);
        return this.#accept({ socket, address, permit, context });
      },
      abandon: () => {
        permit.release();
        this.#notifyIfEmpty();
      },
    };
  }

  /**
   * Executes `command`: an ordered one on the connections that are ready now, after the messages that the log has
   * handed over and before the next. Resolves with the number of connections that it closed.
   */
  execute(command: UserCommand): Promise<number> {
    if (command.do === "revoke") return Promise.resolve(this.#revoke(command));
    const connections = this.#hub.membersOf(command.user);
    const { sequence } = this.#options.log.head();
    // Replays bypass the hub and may be ahead of it.
    for (const connection of connections) connection.executeInReplay(command, sequence);
    return new Promise((resolve) => {
      this.#hub.inOrder(() => {
        resolve(connections.filter((connection) => connection.execute(command)).length);
      });
    });
  }

  /** Counts the ready connections of `user`. */
  connectionsOf(user: string): number {
    return this.#hub.membersOf(user).length;
  }

  /** Sends `signals` after the messages that the log has handed over. */
  signal(signals: readonly Signal[]): void {
    this.#options.metrics.signalsPublished(signals.length);
    this.#hub.signal(signals);
  }

  /** Users with a ready connection. */
  get connectedUsers(): Iterable<string> {
    return this.#hub.users;
  }

  presence(users: readonly string[]): readonly Presence[] {
    return users.map((user) => this.#presenceOf(user));
  }

  /** Between two runs of the fan-out, so that every connection has what its position says. */
  inspect(user: string): Promise<UserDetails> {
    const { node } = this.#options;
    return new Promise((resolve) => {
      this.#hub.betweenRuns(() => {
        const newest = this.#hub.membersOf(user).slice(-MAX_SESSIONS).reverse();
        const sessions = newest.map(({ id, roundTripMs, unsentBytes, readySince, progress }) => ({
          ...{ id, roundTripMs, unsentBytes, ...progress, ...node },
          // Steady time is Unix time but for what the wall clock was set since the start.
          since: Math.round(readySince),
        }));
        resolve({ ...this.#presenceOf(user), sessions });
      });
    });
  }

  channelPresence(channel: string): ChannelPresence {
    return this.#hub.channelPresence(channel);
  }

  channelUsers(query: ChannelUsersQuery): ConnectedUsersPage {
    return this.#hub.channelUsers(query);
  }

  #presenceOf(user: string): Presence {
    const connections = this.#hub.membersOf(user);
    // Not Set.union(): Node 20, which runs the mock gateway, lacks it.
    const channels = new Set(connections.flatMap((one) => [...this.#hub.channelsOf(one)]));
    return { connections: connections.length, channels: [...channels].sort() };
  }

  /** At once, because it may be urgent, and in every phase. */
  #revoke({ user, issuedBefore }: Revocation): number {
    const tokens = { type: "revoked", user, issuedBefore } as const;
    // Most connections are other users' and need no event.
    const perhaps = [...this.#connections].filter((connection) =>
      (connection.user ?? user) === user
    );
    return perhaps.filter((connection) => connection.revoke(tokens)).length;
  }

  readyTimes(user: string): readonly number[] {
    return this.#hub.membersOf(user).map(({ readySince }) => readySince);
  }

  replaceOlder(user: string, time: number): void {
    for (const connection of this.#hub.membersOf(user)) {
      if (connection.readySince < time) connection.feed({ type: "replaced" });
    }
  }

  /**
   * Stops admitting and closes every connection with 1012, spread over `spreadMs` so that not all clients
   * reconnect at once. Resolves when all are gone, `spreadMs` plus twice `closeGraceMs` later at the latest.
   */
  async drain(spreadMs: number): Promise<void> {
    const { clock, connection: { closeGraceMs } } = this.#options;
    this.#draining = true;
    const connections = [...this.#connections];
    const timers = connections.map((connection, index) => {
      const delayMs = connections.length < 2 ? 0 : spreadMs * index / (connections.length - 1);
      return clock.setTimer(delayMs, () => connection.feed({ type: "drained" }));
    });
    const emptied = this.#emptied.wait();
    timers.push(clock.setTimer(spreadMs + 2 * closeGraceMs, () => this.#emptied.releaseAll()));
    this.#notifyIfEmpty();
    await emptied;
    for (const timer of timers) timer.cancel();
    this.#unsubscribe();
  }

  #contextWith(heartbeatIntervalMs: number): ConnectionContext<Connection> {
    const { options } = this.#context;
    if (heartbeatIntervalMs >= options.heartbeatIntervalMs) return this.#context;
    return { ...this.#context, options: { ...options, heartbeatIntervalMs } };
  }

  #accept(deps: Omit<ConnectionDeps, "id">): Connection {
    const connection = new Connection({ ...deps, id: this.#options.ids.next() });
    this.#connections.add(connection);
    connection.open(deps.permit.refusal === undefined ? "opened" : "refused");
    // Admitted before the drain began and opened after it, so `drain` has not seen it.
    if (this.#draining) connection.feed({ type: "drained" });
    return connection;
  }

  /** Applies the limit on the connections of one user. */
  #ready(user: string): void {
    const max = this.#options.limits.maxConnectionsPerUser;
    if (max === 0) return;
    // The hub has them in the order in which they became ready.
    for (const connection of this.#hub.membersOf(user).slice(0, -max)) {
      connection.feed({ type: "replaced" });
    }
    this.onReady(user);
  }

  #gone(connection: Connection): void {
    this.#connections.delete(connection);
    this.#notifyIfEmpty();
  }

  /** Counts admitted connections, not open ones, because an upgrade may be in progress. */
  #notifyIfEmpty(): void {
    if (this.#admission.connections === 0) this.#emptied.releaseAll();
  }
}

function withBackpressure(
  log: MessageLog,
  { whenBelowBacklogLimit, failed }: {
    readonly whenBelowBacklogLimit: () => Promise<void>;
    /** Called for each publish that the log could not store. */
    readonly failed: () => void;
  },
): MessageLog {
  const paced = async <T>(publish: () => Promise<T>): Promise<T> => {
    // Or publishing faster than the gateway delivers would fill its memory.
    await whenBelowBacklogLimit();
    try {
      return await publish();
    } catch (error) {
      // A reused key is the publisher's fault; the log is healthy.
      if (!(error instanceof OperationalError && error.code === "idempotency_key_reused")) failed();
      throw error;
    }
  };
  return overrideLog(log, {
    publish: (drafts) => paced(() => log.publish(drafts)),
    publishOnce: (key, drafts) => paced(() => log.publishOnce(key, drafts)),
  });
}
