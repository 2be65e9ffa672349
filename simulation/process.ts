/**
 * Runs the production gateway and log as one process of a simulated world, on parts that end with
 * it. It starts, drains and crashes on demand.
 *
 * @module
 */

import type { AdmissionOptions } from "../gateway/admission.ts";
import type { ConnectionOptions } from "../gateway/session/connection_context.ts";
import { Gateway, type PendingConnection, type Refused } from "../gateway/gateway.ts";
import { limitClusterUsers } from "../gateway/cluster/cluster_limit.ts";
import { ClusterSignals } from "../gateway/cluster/cluster_signals.ts";
import { ClusterUsers } from "../gateway/cluster/cluster_users.ts";
import { openLogOn } from "../gateway/log/mod.ts";
import { Metrics } from "../gateway/metrics/metrics.ts";
import type {
  IdGenerator,
  Logger,
  MessageLog,
  Signals,
  UserCommand,
  Users,
} from "../gateway/ports.ts";
import type { Webhooks } from "../gateway/webhooks/mod.ts";
import type { FakeClock } from "../mock/doubles/clock.ts";
import type { Checker } from "./checker.ts";
import { type Cluster, ClusterNode, SUBJECT } from "./cluster.ts";
import { type SimulatedDisk, SimulatedStore } from "./disk.ts";
import type { Acceptor, Network } from "./network.ts";
import { replaced, type Seams } from "./options.ts";
import { ProcessClock } from "./process_clock.ts";
import type { Random } from "../mock/chaos/random.ts";
import type { Timeline } from "./timeline.ts";
import type { Receiver } from "./receiver.ts";
import { type Issuer, SimulatedVerifier } from "./verifier.ts";
import type { Report } from "./violation.ts";
import { simulatedWebhooks } from "./webhooks.ts";

/** A promise may wait for a timer this short; longer ones are deadlines. */
const SHORT_MS = 100;
/** Interval of the nodes' beats, which settle no promise. */
const BEAT_MS = 1000;

/** The parts of a world that a process needs. */
export interface ProcessWorld {
  readonly clock: FakeClock;
  /** The world's stream: fork it, do not draw from it. */
  readonly random: Random;
  readonly network: Network;
  readonly checker: Checker;
  readonly timeline: Timeline;
  readonly disk: SimulatedDisk;
  /** Undefined in a world of one node. */
  readonly cluster: Cluster | undefined;
  readonly issuer: Issuer;
  /** Takes webhooks. */
  readonly receiver: Receiver;
  readonly seams: Seams;
  /** Called when promises may settle. */
  readonly markDirty: () => void;
  /** Ends the world. */
  readonly report: Report;
  /** Called with uncaught errors. */
  readonly broke: (error: unknown) => void;
}

/** The configuration of a world's gateways. */
export interface NodeOptions {
  readonly ids: IdGenerator;
  readonly logger: Logger;
  readonly connection: ConnectionOptions;
  readonly limits: AdmissionOptions;
}

export interface ProcessOptions extends NodeOptions {
  /** Unique in the world. */
  readonly number: number;
  /** Position among the nodes; a restarted process has the same. */
  readonly slot: number;
  readonly random: Random;
}

export class GatewayProcess implements Acceptor {
  /** Unique in the world. */
  readonly number: number;
  /** Position among the nodes; a restarted process has the same. */
  readonly slot: number;
  readonly #world: ProcessWorld;
  readonly #options: ProcessOptions;
  readonly #clock: ProcessClock;
  readonly #logClock: ProcessClock;
  readonly #busClock: ProcessClock;
  readonly #webhookClock: ProcessClock;
  readonly #webhooks: Webhooks;
  readonly #store: SimulatedStore;
  readonly #verifier: SimulatedVerifier;
  #gateway: Gateway | undefined;
  #log: MessageLog | undefined;
  #node: ClusterNode | undefined;
  #users: Users | undefined;
  #signals: Signals | undefined;
  #draining = false;
  #closeUsers: () => void = () => {};

  /** Starts, and opens the log first. */
  constructor(world: ProcessWorld, options: ProcessOptions) {
    const { clock, disk, markDirty, issuer, checker, receiver, seams } = world;
    const { random, logger } = options;
    this.#world = world;
    this.#options = options;
    this.number = options.number;
    this.slot = options.slot;
    const everyTimer = { markDirty, dirtyUpToMs: Infinity };
    this.#clock = new ProcessClock(clock, { markDirty, dirtyUpToMs: SHORT_MS });
    this.#busClock = new ProcessClock(clock, { ...everyTimer, quietMs: BEAT_MS });
    // All of the log's timers settle promises.
    this.#logClock = new ProcessClock(clock, everyTimer);
    this.#webhookClock = new ProcessClock(clock, everyTimer);
    this.#webhooks = simulatedWebhooks({
      ...{ node: this.number, clock: this.#webhookClock, random: random.fork("webhooks") },
      ...{ logger, metrics: METRICS, receiver, seams },
    });
    this.#store = new SimulatedStore({ disk, clock, random: random.fork("store"), markDirty });
    this.#verifier = new SimulatedVerifier({
      ...{ clock, random: random.fork("verifier"), issuer, markDirty },
      decided: (serial, verdict) => checker.decided(serial, verdict),
    });
    this.#start().catch(world.broke);
  }

  get gateway(): Gateway | undefined {
    return this.#gateway;
  }

  get draining(): boolean {
    return this.#draining;
  }

  /** Number of timers of the gateway, without its log's. */
  get timers(): number {
    return this.#clock.pending;
  }

  /** The log for the backend, while the gateway runs. */
  get log(): MessageLog | undefined {
    return this.#gateway?.log;
  }

  /** The users for the backend, while the gateway runs. */
  get users(): Users | undefined {
    return this.#users;
  }

  /** Number of users of whom the backend is still to be told. */
  get untold(): number {
    return this.#webhooks.waiting;
  }

  /** Signals of the backend, while the gateway runs. */
  get signals(): Signals | undefined {
    return this.#signals;
  }

  connect(address: string): PendingConnection | Refused {
    return this.#gateway?.connect(address) ?? "full";
  }

  /** Drains, and resolves when the process has ended. */
  async drain(spreadMs: number): Promise<void> {
    this.#draining = true;
    await this.#gateway?.drain(spreadMs);
    await this.#webhooks.close(spreadMs);
    this.#closeUsers();
    await this.#log?.close();
  }

  /** Ends the process abruptly. */
  die(): void {
    this.#clock.die();
    this.#logClock.die();
    this.#busClock.die();
    this.#webhookClock.die();
    this.#world.receiver.disturbed();
    this.#node?.die();
    this.#store.die();
    this.#verifier.die();
    this.#gateway = undefined;
    this.#users = undefined;
    this.#signals = undefined;
  }

  async #start(): Promise<void> {
    const { checker, network, cluster, disk, seams, receiver } = this.#world;
    const { ids, logger, connection, limits } = this.#options;
    checker.revocations.starts(this.number);
    const opened = await this.#open();
    // Subscribed before the gateway, so that the checkers see a message before it is sent.
    opened.subscribe((messages) => checker.notify(this.number, messages));
    this.#log = seams.log?.(opened) ?? opened;
    const log = this.#observed(this.#log);
    const gateway = new Gateway({
      clock: seams.clock?.(this.#clock) ?? this.#clock,
      ...{ ids, logger, log, limits, connection, metrics: METRICS, verifier: this.#verifier },
      node: { node: String(this.number), transport: "simulated" },
      // Small, so that the fan-out yields often.
      turnDeliveries: 3,
      userChanged: (user, online) => {
        receiver.userChanged(user);
        this.#webhooks.userChanged(user, online);
      },
      ...(seams.reduce === undefined ? {} : { reduce: seams.reduce }),
    });
    this.#gateway = gateway;
    this.#users = await this.#startUsers(gateway);
    if (cluster === undefined) checker.history.recovered(disk.rows);
    else cluster.changed(this.slot);
    const head = cluster === undefined ? checker.history.head : log.head().sequence;
    checker.started(this.number, gateway, head);
    network.open(this);
    receiver.disturbed();
    this.#webhooks.start();
  }

  async #open(): Promise<MessageLog> {
    const { cluster, seams } = this.#world;
    const { slot, random, logger } = this.#options;
    const clock = this.#logClock;
    if (cluster !== undefined) {
      const node = await ClusterNode.connect({ cluster, slot, clock, logger, random });
      this.#node = node;
      return seams.node?.(node) ?? node;
    }
    const store = seams.store?.(this.#store) ?? this.#store;
    return await openLogOn(store, { clock, logger });
  }

  /** The users of this node, or of the cluster. */
  async #startUsers(gateway: Gateway): Promise<Users> {
    const { checker, seams } = this.#world;
    const { ids, logger, limits } = this.#options;
    const commanded = (command: UserCommand): void => checker.commanded(this.number, command);
    const node = this.#node;
    const signals = seams.signals?.(gateway) ?? gateway;
    if (node === undefined) {
      this.#signals = signals;
      this.#webhooks.join(gateway);
      const local = this.#webhooks.observing(gateway);
      const users = seams.users?.(local, gateway) ?? local;
      return replaced<Users>(users, {
        execute: (command) => {
          commanded(command);
          return users.execute(command);
        },
      });
    }
    const log = seams.commands?.(node) ?? node;
    // Subscribed before the gateway, here too.
    node.subscribeCommands(commanded);
    const { maxConnectionsPerUser } = limits;
    if (maxConnectionsPerUser > 0) {
      limitClusterUsers({
        ...{
          bus: node.bus,
          local: seams.limited?.(gateway) ?? gateway,
          clock: this.#busClock,
          ids,
        },
        ...{ subject: SUBJECT, maxConnectionsPerUser },
      });
    }
    const users = await ClusterUsers.start({
      ...{
        bus: node.bus,
        local: this.#webhooks.observing(gateway),
        log,
        clock: this.#busClock,
        ids,
        logger,
      },
      subject: SUBJECT,
    });
    const clusterSignals = new ClusterSignals({
      ...{ bus: node.bus, local: signals, log, clock: this.#busClock, subject: SUBJECT },
      dropped: () => {},
    });
    this.#signals = clusterSignals;
    this.#closeUsers = () => {
      users.close();
      clusterSignals.close();
    };
    this.#webhooks.join(gateway, users);
    return seams.users?.(users, gateway) ?? users;
  }

  /** Reports revocations and failed reads to the checkers. */
  #observed(log: MessageLog): MessageLog {
    const { checker } = this.#world;
    return replaced(log, {
      revocations: {
        revoke: (revocation) => {
          checker.revocations.requested(revocation);
          return log.revocations.revoke(revocation);
        },
        isRevoked: (claims) => log.revocations.isRevoked(claims),
      },
      read: async (query) => {
        try {
          return await log.read(query);
        } catch (error) {
          checker.readFailed();
          throw error;
        }
      },
    });
  }
}

/** Skips the round-trip histogram, which takes time and is never scraped. */
class UncountedMetrics extends Metrics {
  constructor() {
    super({ version: "simulated", runtime: "simulated", residentBytes: () => 0 });
  }

  override roundTrip(_ms: number): void {}
}

/** Never read, so one instance is enough. */
const METRICS = new UncountedMetrics();
