/**
 * A simulated world: the production gateway and log, clients, a backend and a network, on one virtual
 * clock and one seed, with checkers on everything. The same options give the same world, to the byte.
 *
 * @module
 */

import type { ConnectionOptions } from "../gateway/session/connection_context.ts";
import { sessionOptions } from "../gateway/config/session_options.ts";
import { FakeClock, settle } from "../mock/doubles/clock.ts";
import { FakeIds } from "../mock/doubles/ids.ts";
import { Backend } from "./backend.ts";
import { Checker } from "./checker.ts";
import { SimulatedClient } from "./client.ts";
import { SimulatedDisk } from "./disk.ts";
import { GlobalFaults } from "./fate.ts";
import { TimerCheck } from "./leftovers.ts";
import { ClientFaults } from "./mischief.ts";
import { Network } from "./network.ts";
import type { Fault, WorldOptions } from "./options.ts";
import { GatewayProcess, type ProcessDeps } from "./process.ts";
import { Random } from "./random.ts";
import { Timeline } from "./timeline.ts";
import { tracing } from "./tracing.ts";
import type { Issuer } from "./verifier.ts";
import { Violation } from "./violation.ts";
import type { WorldDeps } from "./world_parts.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const SWEEP_MS = 30_000;
/** How long a connection counts as busy after it was backed up, for the gateway may not know better. */
const BUSY_MS = 1000;
/** After the faults: what stood still moves, what was half-open is noticed, everybody comes back. */
const HEALING_MS = 45 * MINUTE_MS;
/** After everybody left: graces pass, and TCP gives up what nobody reads. */
const LEAVING_MS = 25 * MINUTE_MS;
/** Names that a table keyed by strings might trip over are among them. */
const USERS = ["__proto__", "constructor", "\u00fcser \u{1f600}", "7"];
const CHANNELS = ["general", "__proto__", "toString", "\u00e7a", "5", "6", "7"];

/** How a world went. */
export interface Outcome {
  /** The first rule that was broken, if one was. */
  readonly violation: Violation | undefined;
  /** Virtual hours that passed for the clients, until the end or the violation. */
  readonly hours: number;
  /** How often what happened, by name. */
  readonly counts: ReadonlyMap<string, number>;
  /** The trace; empty unless it was recorded. */
  readonly trace: readonly string[];
}

/** Lets a world run from its beginning to its end, or to the first rule that is broken. */
export function simulate(options: WorldOptions): Promise<Outcome> {
  return new World(options).run();
}

class World {
  readonly #options: WorldOptions;
  readonly #clock = new FakeClock();
  readonly #startMs = this.#clock.steady();
  readonly #random: Random;
  readonly #timeline: Timeline;
  readonly #checker: Checker;
  readonly #timerCheck: TimerCheck;
  readonly #processDeps: ProcessDeps;
  readonly #deps: WorldDeps;
  readonly #clients: readonly SimulatedClient[];
  readonly #mischief: readonly ClientFaults[];
  readonly #fate: GlobalFaults;
  readonly #backend: Backend;
  readonly #counts = new Map<string, number>();
  readonly #off: ReadonlySet<Fault>;
  #process: GatewayProcess | undefined;
  #runs = 0;
  #serial = 0;
  #stirred = true;
  #violation: Violation | undefined;

  constructor(options: WorldOptions) {
    this.#options = options;
    this.#off = new Set(options.without);
    this.#random = new Random(options.seed);
    this.#timeline = new Timeline(options.recording ?? false, () => this.#clock.steady());
    const shape = this.#shape();
    const report = this.#report.bind(this);
    const disk = new SimulatedDisk(shape.retention);
    const { connection, limits } = shape;
    this.#timerCheck = new TimerCheck(report);
    const clock = this.#clock;
    const count = (what: string, by = 1): void => this.#count(what, by);
    this.#checker = new Checker({ clock, disk, connection, limits, report, count });
    const issuer: Issuer = { failing: false, mostMs: 20 };
    const broke = (error: unknown): void => {
      this.#broke(
        error instanceof Error ? error : new Error(String(error)),
        "outside of everything",
      );
    };
    const markDirty = (): void => {
      this.#stirred = true;
    };
    const network = new Network({
      clock,
      random: this.#random.fork("network"),
      observer: this.#timeline.recording ? tracing(this.#checker, this.#timeline) : this.#checker,
      spikes: this.#allows("delay"),
      wrap: options.seams?.socket ?? ((socket) => socket),
      accepted: options.seams?.accepted ?? (() => {}),
      markDirty,
    });
    this.#processDeps = {
      clock,
      random: this.#random.fork("process"),
      disk,
      issuer,
      ids: new FakeIds(),
      logger: this.#logger(),
      connection,
      limits,
      seams: options.seams ?? {},
      markDirty,
      started: (gateway) => {
        this.#checker.started(gateway);
        network.open(this.#process);
      },
      spread: (messages) => this.#checker.notify(messages),
      decided: (serial, verdict) => this.#checker.decided(serial, verdict),
      readFailed: () => this.#checker.readFailed(),
      broke,
    };
    const userCount = Math.max(1, Math.round(options.clients * 0.7));
    const users = Array.from({ length: userCount }, (_, index) => USERS[index] ?? `u${index}`);
    const membership = this.#random.fork("membership");
    this.#deps = {
      clock,
      random: this.#random,
      network,
      checker: this.#checker,
      timeline: this.#timeline,
      disk,
      issuer,
      users,
      channels: CHANNELS,
      memberships: new Map(users.map((user) => [user, new Set(membership.some(CHANNELS, 0.4))])),
      allows: (fault) => this.#allows(fault),
      nextSerial: () => ++this.#serial,
      count,
      process: () => this.#process,
      crash: (how, downMs) => this.#crash(how, downMs),
      drain: (spreadMs) => this.#drain(spreadMs),
      breakDisk: (ms) => this.#breakDisk(ms),
      markDirty,
      report,
      clientSeam: options.seams?.client ?? ((given) => given),
      broke,
    };
    const addresses = Math.ceil(options.clients / 3);
    this.#clients = Array.from({ length: options.clients }, (_, index) => {
      const user = users[index % users.length] ?? "";
      return new SimulatedClient(this.#deps, { index, user, address: `a${index % addresses}` });
    });
    const backend = new Backend(this.#deps);
    this.#backend = backend;
    this.#mischief = this.#clients.map((client) =>
      new ClientFaults(this.#deps, { client, backend })
    );
    this.#fate = new GlobalFaults(this.#deps, this.#backend);
  }

  async run(): Promise<Outcome> {
    const endMs = this.#startMs + this.#options.hours * HOUR_MS;
    try {
      this.#start();
      this.#sweepLater();
      await this.#runUntil(endMs);
      this.#heal();
      await this.#runUntil(endMs + HEALING_MS);
      this.#assertHealed();
      for (const client of this.#clients) client.retire();
      await this.#runUntil(endMs + HEALING_MS + LEAVING_MS);
      this.#assertEmpty();
    } catch (error) {
      if (this.#violation === undefined) throw error;
    }
    this.#process?.die();
    this.#count("messages received", this.#checker.history.arrivals);
    return {
      violation: this.#violation,
      hours: Math.min(this.#options.hours, (this.#clock.steady() - this.#startMs) / HOUR_MS),
      counts: this.#counts,
      trace: this.#timeline.lines,
    };
  }

  async #runUntil(untilMs: number): Promise<void> {
    const patient = this.#options.patient ?? false;
    for (;;) {
      if (this.#stirred || patient || this.#process?.draining) {
        this.#stirred = false;
        await settle();
      }
      this.#checker.settled();
      // What is thrown within the gateway is caught there.
      if (this.#violation !== undefined) throw this.#violation;
      if (!this.#clock.fireNext(untilMs)) return;
    }
  }

  /** Numbers that differ from world to world. */
  #shape() {
    const random = this.#random.fork("shape");
    const heartbeatIntervalMs = random.pick([45_000, 45_000, 45_000, 30_000, 60_000]);
    const connection: ConnectionOptions = {
      ...sessionOptions(),
      heartbeatIntervalMs,
      closeGraceMs: random.pick([1000, 5000]),
      maxBufferedBytes: random.pick([72 * 1024, 128 * 1024, 384 * 1024]),
    };
    const retentionMs = random.pick([1, 3, 24]) * HOUR_MS;
    const retentionRows = random.pick([300, 2000, 100_000]);
    const maxConnectionsPerIp = random.pick([3, 3, 100]);
    return {
      connection,
      retention: this.#allows("retention")
        ? { retentionMs, retentionRows }
        : { retentionMs: 10_000 * HOUR_MS, retentionRows: 1e9 },
      limits: {
        maxConnections: 10_000,
        maxUnidentified: 10_000,
        maxConnectionsPerIp: this.#allows("crowding") ? maxConnectionsPerIp : 10_000,
        ...{ connectRatePerIp: 1e9, connectBurstPerIp: 1e9 },
      },
    };
  }

  #start(): void {
    this.#timeline.add("gateway", "starts");
    this.#runs++;
    const random = this.#processDeps.random.fork(String(this.#runs));
    this.#process = new GatewayProcess({ ...this.#processDeps, random });
    this.#stirred = true;
  }

  #startLater(downMs: number): void {
    this.#clock.setTimer(downMs, () => {
      if (this.#process === undefined) this.#start();
    });
  }

  #crash(how: "reset" | "silent", downMs: number): void {
    if (this.#process === undefined) return;
    this.#timeline.add("gateway", `crashes (${how})`);
    this.#end(how);
    this.#startLater(downMs);
  }

  #drain(spreadMs: number): void {
    const process = this.#process;
    if (process?.gateway === undefined || process.draining) return;
    this.#timeline.add("gateway", `drains over ${spreadMs} ms`);
    this.#checker.draining(this.#clock.steady() + spreadMs);
    process.drain(spreadMs).then(() => {
      if (this.#process !== process) return;
      this.#timeline.add("gateway", "has drained");
      this.#end("reset");
      this.#startLater(5000);
    }).catch(this.#deps.broke);
  }

  #breakDisk(ms: number): void {
    const { disk } = this.#deps;
    if (!this.#allows("log_failure") || disk.failing) return;
    disk.failing = true;
    this.#timeline.add("disk", "fails");
    this.#clock.setTimer(ms, () => {
      disk.failing = false;
      this.#timeline.add("disk", "is well again");
    });
  }

  /** The process ends, by itself or not. */
  #end(how: "reset" | "silent"): void {
    this.#deps.network.open(undefined);
    this.#process?.die();
    this.#process = undefined;
    this.#checker.stopped();
    this.#deps.network.serverDied(how);
    this.#backend.processEnded();
  }

  #heal(): void {
    this.#timeline.add("world", "heals");
    for (const mischief of this.#mischief) mischief.end();
    this.#fate.end();
    this.#backend.end();
  }

  #assertHealed(): void {
    this.#checker.healed();
    const away = this.#clients.filter(({ ready }) => !ready).map(({ name }) => name);
    if (away.length > 0) this.#report("everybody can come back", `${away.join(" ")} are not ready`);
    for (const client of this.#clients) client.healed();
  }

  #assertEmpty(): void {
    const { gateway, timers } = this.#process ?? {};
    if (gateway === undefined) return this.#report("everybody can come back", "no gateway runs");
    for (const [name, size] of Object.entries(gateway.tables)) {
      if (size > 0) this.#report("nothing is left behind", `${size} entries in ${name}`);
    }
    if (timers !== 0) this.#report("nothing is left behind", `${timers} timers are set`);
  }

  #sweepLater(): void {
    this.#clock.setTimer(SWEEP_MS, () => {
      this.#checker.sweep();
      for (const client of this.#clients) client.sweep();
      if (this.#process?.gateway !== undefined) {
        const { links } = this.#deps.network;
        const now = this.#clock.steady();
        this.#timerCheck.look({
          pending: this.#process.timers,
          sessions: this.#checker.sessions,
          busy: this.#process.draining || [...links].some(({ backedUpAtMs }) =>
            now - backedUpAtMs < BUSY_MS
          ) ||
            this.#checker.sessions.some(({ lingering }) => lingering),
          atMs: now,
        });
      }
      this.#sweepLater();
    });
  }

  #logger(): ProcessDeps["logger"] {
    const write = (message: string): void => {
      this.#timeline.add("log", message);
      this.#count(`logged: ${message}`, 1);
    };
    return {
      debug: () => {},
      info: write,
      warn: write,
      error: (message, fields) => {
        write(message);
        // The one error that is not a bug.
        if (message === "the log cannot be used") return;
        const { error } = fields ?? {};
        this.#broke(error instanceof Error ? error : new Error(message), message);
      },
    };
  }

  #allows(fault: Fault): boolean {
    return !this.#off.has(fault);
  }

  #count(what: string, by: number): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + by);
  }

  /** Something threw that must not. Does not throw itself, for it is called by who catches. */
  #broke(error: Error, where: string): void {
    // A checker that reports in the midst of production code is taken for a bug there.
    if (error instanceof Violation) return;
    this.#record("no bug comes up", `${where}: ${error.stack}`);
  }

  #report(rule: string, explanation: string, connection?: number): never {
    throw this.#record(rule, explanation, connection);
  }

  #record(rule: string, explanation: string, connection?: number): Violation {
    if (this.#violation !== undefined) return this.#violation;
    const atMs = this.#clock.steady() - this.#startMs;
    const { seed } = this.#options;
    const violation = new Violation({ rule, seed, atMs, connection, explanation });
    this.#violation = violation;
    this.#timeline.add(connection === undefined ? "checker" : `#${connection}`, violation.message);
    this.#timeline.end();
    // What the production code does with the error must not be taken for a second violation.
    this.#deps.network.serverDied("silent");
    return violation;
  }
}
