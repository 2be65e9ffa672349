/**
 * Runs a simulated world: the production gateway, log and client library, a backend and a network,
 * on one virtual clock and one seed, under the checkers. The same options give the same world, byte
 * for byte.
 *
 * @module
 */

import type { Logger } from "../gateway/ports.ts";
import { FakeClock, settle } from "../mock/doubles/clock.ts";
import { FakeIds } from "../mock/doubles/ids.ts";
import { Backend } from "./backend.ts";
import { Checker } from "./checker.ts";
import { SimulatedClient } from "./client.ts";
import { Cluster } from "./cluster.ts";
import { SimulatedDisk } from "./disk.ts";
import type { Fault } from "./faults.ts";
import { GlobalFaults } from "./global_faults.ts";
import { presenceOf, TimerCheck } from "./leftovers.ts";
import { ClientFaults } from "./client_faults.ts";
import { Network } from "./network.ts";
import type { WorldOptions } from "./options.ts";
import type { GatewayProcess, ProcessWorld } from "./process.ts";
import { Processes } from "./processes.ts";
import { Random } from "../mock/chaos/random.ts";
import { Receiver } from "./receiver.ts";
import type { Rule } from "./rules.ts";
import { shapeOf } from "./shape.ts";
import { Timeline } from "./timeline.ts";
import { tracing } from "./tracing.ts";
import { Violation } from "./violation.ts";
import type { WorldDeps } from "./world_deps.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const SWEEP_MS = 30_000;
/** Time for which a connection counts as busy after it was backed up: the gateway notices late. */
const BUSY_MS = 1000;
/**
 * Time after the faults for paused connections to continue, dead ones to be detected and clients to
 * return.
 */
const HEALING_MS = 45 * MINUTE_MS;
/** Time after the last client left for close graces and TCP timeouts to expire. */
const LEAVING_MS = 25 * MINUTE_MS;
/** Includes names that collide with properties of objects. */
const USERS = ["__proto__", "constructor", "\u00fcser \u{1f600}", "7"];
const CHANNELS = ["general", "__proto__", "toString", "\u00e7a", "5", "6", "7"];

export interface Outcome {
  readonly violation: Violation | undefined;
  /** Virtual hours until the end or the violation. */
  readonly hours: number;
  /** Event counts by name. */
  readonly counts: ReadonlyMap<string, number>;
  /** Empty unless recorded. */
  readonly trace: readonly string[];
}

/** Runs a world to its end or to the first broken rule. */
export function simulate(options: WorldOptions): Promise<Outcome> {
  return new World(options).run();
}

class World {
  readonly #options: WorldOptions;
  readonly #clock = new FakeClock();
  readonly #startMs = this.#clock.steady();
  readonly #timeline: Timeline;
  readonly #checker: Checker;
  /** By slot. */
  readonly #timerChecks: readonly TimerCheck[];
  readonly #world: WorldDeps;
  readonly #processes: Processes;
  readonly #clients: readonly SimulatedClient[];
  readonly #clientFaults: readonly ClientFaults[];
  readonly #globalFaults: GlobalFaults;
  readonly #backend: Backend;
  readonly #counts = new Map<string, number>();
  #serial = 0;
  #dirty = true;
  #violation: Violation | undefined;

  constructor(options: WorldOptions) {
    this.#options = options;
    const { seed, nodes = 1, clients, seams = {} } = options;
    const off = new Set<Fault>(options.without);
    const allows = (fault: Fault): boolean => !off.has(fault);
    const clock = this.#clock;
    const random = new Random(seed);
    const timeline = new Timeline(options.recording ?? false, () => clock.steady());
    const { connection, limits, retention } = shapeOf(random.fork("shape"), allows);
    const logger = this.#logger();
    const count = (what: string, by = 1): void => this.#count(what, by);
    const report = this.#report.bind(this);
    const markDirty = (): void => {
      this.#dirty = true;
    };
    const disk = new SimulatedDisk(retention);
    const cluster = nodes === 1 ? undefined : new Cluster({
      ...{ count: nodes, clock, retention, logger, markDirty },
      committed: (messages) => checker.committed(messages),
    });
    const durable = cluster ?? disk;
    const checker = new Checker({ clock, durable, cluster, connection, limits, report, count });
    const network = new Network({
      ...{ clock, random: random.fork("network"), spikes: allows("delay"), seams, markDirty },
      observer: timeline.recording ? tracing(checker, timeline) : checker,
    });
    const broke = (error: unknown): void => this.#broke(error, "outside of everything");
    const receiver = new Receiver({
      ...{ clock, timeline, cluster, report, count, markDirty, broke },
      random: random.fork("receiver"),
    });
    const shared: ProcessWorld = {
      ...{ clock, random, network, checker, timeline, disk, cluster, seams, markDirty, report },
      receiver,
      issuer: { failing: false, maxMs: 20, careless: true },
      broke,
    };
    const ids = new FakeIds();
    const processes = new Processes(shared, { ids, logger, connection, limits }, nodes);
    const users = Array.from(
      { length: Math.max(1, Math.round(clients * 0.7)) },
      (_, index) => USERS[index] ?? `u${index}`,
    );
    receiver.connect({
      names: users,
      answering: () => processes.running.flatMap(({ users }) => users ?? []),
      connectionsOf: (user) => {
        const running = new Set(processes.running.map(({ number }) => number));
        const sessions = checker.sessions.filter(({ node }) => running.has(node));
        return presenceOf(sessions, user).connections;
      },
    });
    const membership = random.fork("membership");
    const world: WorldDeps = {
      ...shared,
      ...{ processes, users, channels: CHANNELS, allows, count },
      memberships: new Map(users.map((user) => [user, new Set(membership.some(CHANNELS, 0.4))])),
      nextSerial: () => ++this.#serial,
      breakLog: (ms) => this.#breakLog(ms),
    };
    const addresses = Math.ceil(clients / 3);
    this.#clients = Array.from({ length: clients }, (_, index) => {
      const user = users[index % users.length] ?? "";
      return new SimulatedClient(world, { index, user, address: `a${index % addresses}` });
    });
    const backend = new Backend(world);
    processes.onEnded = (process) => backend.processEnded(process);
    this.#clientFaults = this.#clients.map((client) => new ClientFaults(world, client, backend));
    this.#globalFaults = new GlobalFaults(world, backend);
    this.#timerChecks = Array.from({ length: nodes }, () => new TimerCheck(report));
    this.#timeline = timeline;
    this.#checker = checker;
    this.#world = world;
    this.#processes = processes;
    this.#backend = backend;
  }

  async run(): Promise<Outcome> {
    const endMs = this.#startMs + this.#options.hours * HOUR_MS;
    try {
      for (const slot of this.#processes.all.keys()) this.#processes.start(slot);
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
    for (const process of this.#processes.all) process?.die();
    this.#count("messages received", this.#checker.history.arrivals);
    this.#count("signals received", this.#checker.signals.arrivals);
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
      if (this.#dirty || patient || this.#processes.all.some((process) => process?.draining)) {
        this.#dirty = false;
        await settle();
      }
      this.#checker.settled();
      // The gateway catches what a checker throws inside it.
      if (this.#violation !== undefined) throw this.#violation;
      if (!this.#clock.fireNext(untilMs)) return;
    }
  }

  #breakLog(ms: number): void {
    const { disk, cluster, allows } = this.#world;
    if (!allows("log_failure") || disk.failing) return;
    for (const slot of cluster?.slots ?? []) cluster?.cutOff(slot, ms);
    disk.failing = true;
    this.#timeline.add("disk", "fails");
    this.#clock.setTimer(ms, () => {
      disk.failing = false;
      this.#timeline.add("disk", "is well again");
    });
  }

  #heal(): void {
    this.#timeline.add("world", "heals");
    for (const faults of this.#clientFaults) faults.end();
    this.#globalFaults.end();
    this.#backend.end();
  }

  #assertHealed(): void {
    this.#checker.healed();
    this.#world.receiver.healed();
    const away = this.#clients.filter(({ ready }) => !ready).map(({ name }) => name);
    if (away.length > 0) this.#report("every client returns", `${away.join(" ")} are not ready`);
    for (const client of this.#clients) client.healed();
  }

  #assertEmpty(): void {
    this.#world.receiver.healed();
    for (const process of this.#processes.all) {
      const { gateway, timers, untold = 0 } = process ?? {};
      if (gateway === undefined) return this.#report("every client returns", "no gateway runs");
      for (const [name, size] of Object.entries(gateway.tables)) {
        if (size > 0) this.#report("nothing remains", `${size} entries in ${name}`);
      }
      if (untold > 0) this.#report("nothing remains", `${untold} users wait for webhooks`);
      if (timers !== 0) this.#report("nothing remains", `${timers} timers are set`);
    }
  }

  #sweepLater(): void {
    this.#clock.setTimer(SWEEP_MS, () => {
      this.#checker.sweep();
      this.#world.receiver.sweep();
      for (const client of this.#clients) client.sweep();
      for (const process of this.#processes.running) this.#lookAtTimers(process);
      this.#sweepLater();
    });
  }

  #lookAtTimers({ number, slot, timers, draining }: GatewayProcess): void {
    const now = this.#clock.steady();
    const sessions = this.#checker.sessions.filter(({ node }) => node === number);
    const links = [...this.#world.network.links].filter(({ node }) => node === number);
    this.#timerChecks[slot]?.look({
      pending: timers,
      sessions,
      busy: draining || links.some(({ backedUpAtMs }) => now - backedUpAtMs < BUSY_MS) ||
        sessions.some(({ lingering }) => lingering),
      atMs: now,
    });
  }

  #logger(): Logger {
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
        // The only error that is not a bug.
        if (message === "the log cannot be used") return;
        const { error } = fields ?? {};
        this.#broke(error instanceof Error ? error : new Error(message), message);
      },
    };
  }

  #count(what: string, by: number): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + by);
  }

  /** Records an unexpected error. Must not throw: its callers are error handlers. */
  #broke(error: unknown, where: string): void {
    // Production code reports a checker's violation as a bug of its own.
    if (error instanceof Violation) return;
    this.#record(
      "no unexpected exception",
      `${where}: ${error instanceof Error ? error.stack : error}`,
    );
  }

  #report(rule: Rule, explanation: string, connection?: number): never {
    throw this.#record(rule, explanation, connection);
  }

  #record(rule: Rule, explanation: string, connection?: number): Violation {
    if (this.#violation !== undefined) return this.#violation;
    const atMs = this.#clock.steady() - this.#startMs;
    const { seed } = this.#options;
    const violation = new Violation({ rule, seed, atMs, connection, explanation });
    this.#violation = violation;
    this.#timeline.add(connection === undefined ? "checker" : `#${connection}`, violation.message);
    this.#timeline.end();
    // Production code must not turn the error into a second violation.
    this.#world.network.serverDied("silent");
    return violation;
  }
}
