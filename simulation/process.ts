/**
 * Runs the production gateway and log as one process of a simulated world, on parts that end with
 * it. It starts, drains and crashes on demand.
 *
 * @module
 */

import type { AdmissionOptions } from "../gateway/admission.ts";
import type { ConnectionOptions } from "../gateway/session/connection_context.ts";
import { Gateway, type PendingConnection, type Refused } from "../gateway/gateway.ts";
import { ClusterUsers } from "../gateway/cluster/cluster_users.ts";
import { openLogOn } from "../gateway/log/mod.ts";
import { Metrics } from "../gateway/metrics.ts";
import { withBackpressure } from "../gateway/log/backpressure.ts";
import type {
  Clock,
  IdGenerator,
  Logger,
  LogPage,
  LogQuery,
  Message,
  MessageLog,
  Timer,
  UserCommand,
  Users,
} from "../gateway/ports.ts";
import type { FakeClock } from "../mock/doubles/clock.ts";
import { type Cluster, ClusterNode, SUBJECT } from "./cluster.ts";
import { type SimulatedDisk, SimulatedStore } from "./disk.ts";
import type { Acceptor } from "./network.ts";
import type { Seams } from "./options.ts";
import type { Random } from "./random.ts";
import { type Issuer, SimulatedVerifier, type Verdict } from "./verifier.ts";

/** A promise may wait for a timer this short; longer ones are deadlines. */
const SHORT_MS = 100;
/** Interval of the nodes' beats, which settle no promise. */
const BEAT_MS = 1000;

export interface ProcessDeps {
  /** Unique in the world. */
  readonly number: number;
  /** Position among the nodes; a restarted process has the same. */
  readonly slot: number;
  /** Without a cluster, the log is on the disk. */
  readonly cluster: Cluster | undefined;
  readonly clock: FakeClock;
  readonly random: Random;
  readonly disk: SimulatedDisk;
  readonly issuer: Issuer;
  readonly ids: IdGenerator;
  readonly logger: Logger;
  readonly connection: ConnectionOptions;
  readonly limits: AdmissionOptions;
  readonly seams: Seams;
  readonly markDirty: () => void;
  /** The gateway accepts connections from now on. */
  readonly started: (process: GatewayProcess, gateway: Gateway) => void;
  /** The log notifies its subscribers. */
  readonly notify: (process: GatewayProcess, messages: readonly Message[]) => void;
  /** The gateway executes a command. */
  readonly commanded: (process: GatewayProcess, command: UserCommand) => void;
  readonly decided: (serial: number, verdict: Verdict) => void;
  readonly readFailed: () => void;
  /** Called with uncaught errors. */
  readonly broke: (error: unknown) => void;
}

/** A clock that stops with its process and counts its timers. */
export class ProcessClock implements Clock {
  readonly #clock: FakeClock;
  readonly #markDirty: () => void;
  readonly #dirtyUpToMs: number;
  readonly #quietMs: number | undefined;
  #pending = 0;
  #dead = false;

  /**
   * Timers of up to `dirtyUpToMs` call `markDirty` when they fire, except those of exactly
   * `quietMs`.
   */
  constructor(
    clock: FakeClock,
    { markDirty, dirtyUpToMs, quietMs }: {
      readonly markDirty: () => void;
      readonly dirtyUpToMs: number;
      readonly quietMs?: number;
    },
  ) {
    this.#quietMs = quietMs;
    this.#clock = clock;
    this.#markDirty = markDirty;
    this.#dirtyUpToMs = dirtyUpToMs;
  }

  /** Number of set timers. */
  get pending(): number {
    return this.#pending;
  }

  now(): number {
    return this.#clock.now();
  }

  steady(): number {
    return this.#clock.steady();
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    if (delayMs === Infinity) return { cancel: () => {} };
    let set = true;
    this.#pending++;
    const timer = this.#clock.setTimer(delayMs, () => {
      set = false;
      this.#pending--;
      if (this.#dead) return;
      if (delayMs <= this.#dirtyUpToMs && delayMs !== this.#quietMs) this.#markDirty();
      callback();
    });
    return {
      cancel: () => {
        if (!set) return;
        set = false;
        this.#pending--;
        timer.cancel();
      },
    };
  }

  /** Stops all timers. */
  die(): void {
    this.#dead = true;
  }
}

export class GatewayProcess implements Acceptor {
  /** Unique in the world. */
  readonly number: number;
  /** Position among the nodes; a restarted process has the same. */
  readonly slot: number;
  readonly #deps: ProcessDeps;
  readonly #clock: ProcessClock;
  readonly #logClock: ProcessClock;
  readonly #busClock: ProcessClock;
  readonly #store: SimulatedStore;
  readonly #verifier: SimulatedVerifier;
  #gateway: Gateway | undefined;
  #log: MessageLog | undefined;
  #paced: MessageLog | undefined;
  #node: ClusterNode | undefined;
  #users: Users | undefined;
  #draining = false;
  #closeUsers: () => void = () => {};

  /** Starts, and opens the log first. */
  constructor(parts: ProcessDeps) {
    const { clock, disk, markDirty, issuer, decided } = parts;
    this.#deps = parts;
    this.number = parts.number;
    this.slot = parts.slot;
    this.#clock = new ProcessClock(clock, { markDirty, dirtyUpToMs: SHORT_MS });
    this.#busClock = new ProcessClock(clock, {
      markDirty,
      dirtyUpToMs: Infinity,
      quietMs: BEAT_MS,
    });
    // All of the log's timers settle promises.
    this.#logClock = new ProcessClock(clock, { markDirty, dirtyUpToMs: Infinity });
    this.#store = new SimulatedStore({
      disk,
      clock,
      random: parts.random.fork("store"),
      markDirty,
    });
    this.#verifier = new SimulatedVerifier({
      clock,
      random: parts.random.fork("verifier"),
      issuer,
      decided,
      markDirty,
    });
    this.#start().catch(parts.broke);
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
    return this.#paced;
  }

  /** The users for the backend, while the gateway runs. */
  get users(): Users | undefined {
    return this.#users;
  }

  connect(address: string): PendingConnection | Refused {
    return this.#gateway?.connect(address) ?? "full";
  }

  /** Drains, and resolves when the process has ended. */
  async drain(spreadMs: number): Promise<void> {
    this.#draining = true;
    await this.#gateway?.drain(spreadMs);
    this.#closeUsers();
    await this.#log?.close();
  }

  /** Ends the process abruptly. */
  die(): void {
    this.#clock.die();
    this.#logClock.die();
    this.#busClock.die();
    this.#node?.die();
    this.#store.die();
    this.#verifier.die();
    this.#gateway = undefined;
    this.#paced = undefined;
    this.#users = undefined;
  }

  async #start(): Promise<void> {
    const { ids, logger, connection, limits, seams, notify, started } = this.#deps;
    const opened = await this.#open();
    // Subscribed before the gateway, so that the checkers see a message before it is sent.
    opened.subscribe((messages) => notify(this, messages));
    this.#log = seams.log?.(opened) ?? opened;
    const log = this.#observed(this.#log);
    const clock = seams.clock?.(this.#clock) ?? this.#clock;
    const gateway = new Gateway({
      clock,
      ids,
      logger,
      metrics: METRICS,
      verifier: this.#verifier,
      log,
      limits,
      connection,
      // Small, so that the fan-out yields often.
      turnDeliveries: 3,
      ...(seams.reduce === undefined ? {} : { reduce: seams.reduce }),
    });
    this.#gateway = gateway;
    this.#paced = withBackpressure(log, {
      whenBelowBacklogLimit: () => gateway.whenBelowBacklogLimit(),
      failed: () => {},
    });
    this.#users = await this.#startUsers(gateway);
    started(this, gateway);
  }

  async #open(): Promise<MessageLog> {
    const { cluster, slot, random, logger, seams } = this.#deps;
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
    const { commanded, ids, logger, seams } = this.#deps;
    const node = this.#node;
    if (node === undefined) {
      return {
        execute: (command) => {
          commanded(this, command);
          return gateway.execute(command);
        },
        presence: (user) => gateway.presence(user),
      };
    }
    const log = seams.commands?.(node) ?? node;
    // Subscribed before the gateway, here too.
    node.subscribeCommands((command) => commanded(this, command));
    const users = await ClusterUsers.start({
      ...{ bus: node.bus, local: gateway, log, clock: this.#busClock, ids, logger },
      subject: SUBJECT,
    });
    this.#closeUsers = () => users.close();
    return seams.users?.(users, gateway) ?? users;
  }

  /** Reports failed reads to the checkers. */
  #observed(log: MessageLog): MessageLog {
    const read = async (query: LogQuery): Promise<LogPage | "expired"> => {
      try {
        return await log.read(query);
      } catch (error) {
        this.#deps.readFailed();
        throw error;
      }
    };
    return {
      publish: (drafts) => log.publish(drafts),
      publishOnce: (key, drafts) => log.publishOnce(key, drafts),
      subscribe: (listener) => log.subscribe(listener),
      read,
      head: () => log.head(),
      check: () => log.check(),
      close: () => log.close(),
    };
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
