/**
 * Runs a simulated world: the production gateway, log and client library, a backend and a network,
 * on one virtual clock and one seed, under the checkers. The same options give the same world, byte
 * for byte.
 *
 * @module
 */

import { FakeClock, settle } from "../mock/doubles/clock.ts";
import { FakeIds } from "../mock/doubles/ids.ts";
import { Backend } from "./backend.ts";
import { Checker } from "./checker.ts";
import { SimulatedClient } from "./client.ts";
import { Cluster } from "./cluster.ts";
import { SimulatedDisk } from "./disk.ts";
import { GlobalFaults } from "./global_faults.ts";
import { TimerCheck } from "./leftovers.ts";
import { ClientFaults } from "./client_faults.ts";
import { Network } from "./network.ts";
import type { Fault, WorldOptions } from "./options.ts";
import { GatewayProcess, type ProcessDeps } from "./process.ts";
import { Random } from "./random.ts";
import { shapeOf } from "./shape.ts";
import { Timeline } from "./timeline.ts";
import { tracing } from "./tracing.ts";
import type { Issuer } from "./verifier.ts";
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
  readonly #random: Random;
  readonly #timeline: Timeline;
  readonly #checker: Checker;
  /** By slot. */
  readonly #timerChecks: readonly TimerCheck[];
  readonly #processDeps: Omit<ProcessDeps, "number" | "slot">;
  readonly #cluster: Cluster | undefined;
  readonly #deps: WorldDeps;
  readonly #clients: readonly SimulatedClient[];
  readonly #clientFaults: readonly ClientFaults[];
  readonly #globalFaults: GlobalFaults;
  readonly #backend: Backend;
  readonly #counts = new Map<string, number>();
  readonly #off: ReadonlySet<Fault>;
  /** By slot. */
  readonly #processes: (GatewayProcess | undefined)[];
  #runs = 0;
  #picks = 0;
  #serial = 0;
  #dirty = true;
  #violation: Violation | undefined;

  constructor(options: WorldOptions) {
    this.#options = options;
    this.#off = new Set(options.without);
    this.#random = new Random(options.seed);
    this.#timeline = new Timeline(options.recording ?? false, () => this.#clock.steady());
    const shape = shapeOf(this.#random.fork("shape"), (fault) => this.#allows(fault));
    const report = this.#report.bind(this);
    const disk = new SimulatedDisk(shape.retention);
    const { connection, limits } = shape;
    const nodes = options.nodes ?? 1;
    this.#processes = Array.from({ length: nodes }, () => undefined);
    this.#timerChecks = Array.from({ length: nodes }, () => new TimerCheck(report));
    const clock = this.#clock;
    const count = (what: string, by = 1): void => this.#count(what, by);
    const issuer: Issuer = { failing: false, mostMs: 20 };
    const broke = (error: unknown): void => this.#broke(error, "outside of everything");
    const markDirty = (): void => {
      this.#dirty = true;
    };
    const cluster = this.#cluster = nodes === 1 ? undefined : new Cluster({
      ...{ count: nodes, clock, retention: shape.retention, logger: this.#logger(), markDirty },
      committed: (messages) => this.#checker.committed(messages),
    });
    const durable = cluster ?? disk;
    this.#checker = new Checker({ clock, durable, connection, limits, report, count });
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
      cluster,
      started: (process, gateway) => {
        const { history } = this.#checker;
        if (cluster === undefined) history.recovered(disk.rows);
        cluster?.changed(process.slot);
        const head = cluster === undefined ? history.head : process.log?.head().sequence ?? 0;
        this.#checker.started(process.number, gateway, head);
        network.open(process);
      },
      notify: ({ number }, messages) => this.#checker.notify(number, messages),
      commanded: ({ number }, command) => this.#checker.commanded(number, command),
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
      cluster,
      issuer,
      users,
      channels: CHANNELS,
      memberships: new Map(users.map((user) => [user, new Set(membership.some(CHANNELS, 0.4))])),
      allows: (fault) => this.#allows(fault),
      nextSerial: () => ++this.#serial,
      count,
      process: () => this.#pick(),
      processes: () => this.#running,
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
    this.#clientFaults = this.#clients.map((client) =>
      new ClientFaults(this.#deps, { client, backend })
    );
    this.#globalFaults = new GlobalFaults(this.#deps, this.#backend);
  }

  async run(): Promise<Outcome> {
    const endMs = this.#startMs + this.#options.hours * HOUR_MS;
    try {
      for (const slot of this.#processes.keys()) this.#start(slot);
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
    for (const process of this.#processes) process?.die();
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
      if (this.#dirty || patient || this.#processes.some((process) => process?.draining)) {
        this.#dirty = false;
        await settle();
      }
      this.#checker.settled();
      // The gateway catches what a checker throws inside it.
      if (this.#violation !== undefined) throw this.#violation;
      if (!this.#clock.fireNext(untilMs)) return;
    }
  }

  get #running(): readonly GatewayProcess[] {
    return this.#processes.flatMap((process) => process?.users === undefined ? [] : [process]);
  }

  #pick(): GatewayProcess | undefined {
    const running = this.#running;
    if (running.length < 2) return running[0];
    return this.#random.fork(`pick${this.#picks++}`).pick(running);
  }

  #start(slot: number): void {
    const number = ++this.#runs;
    this.#timeline.add(this.#nameOf(slot), "starts");
    const random = this.#processDeps.random.fork(String(number));
    this.#processes[slot] = new GatewayProcess({ ...this.#processDeps, number, slot, random });
    this.#dirty = true;
  }

  #startLater(slot: number, downMs: number): void {
    this.#clock.setTimer(downMs, () => {
      if (this.#processes[slot] === undefined) this.#start(slot);
    });
  }

  #nameOf(slot: number): string {
    return this.#cluster === undefined ? "gateway" : `gateway ${slot}`;
  }

  #crash(how: "reset" | "silent", downMs: number): void {
    const process = this.#pick() ?? this.#processes.find((each) => each !== undefined);
    if (process === undefined) return;
    this.#timeline.add(this.#nameOf(process.slot), `crashes (${how})`);
    this.#end(process, how);
    this.#startLater(process.slot, downMs);
  }

  #drain(spreadMs: number): void {
    const process = this.#pick();
    if (process?.gateway === undefined || process.draining) return;
    this.#timeline.add(this.#nameOf(process.slot), `drains over ${spreadMs} ms`);
    this.#checker.draining(process.number, this.#clock.steady() + spreadMs);
    process.drain(spreadMs).then(() => {
      if (this.#processes[process.slot] !== process) return;
      this.#timeline.add(this.#nameOf(process.slot), "has drained");
      this.#end(process, "reset");
      this.#startLater(process.slot, 5000);
    }).catch(this.#deps.broke);
  }

  #breakDisk(ms: number): void {
    const { disk } = this.#deps;
    if (!this.#allows("log_failure") || disk.failing) return;
    for (const slot of this.#cluster?.slots ?? []) this.#cluster?.cutOff(slot, ms);
    disk.failing = true;
    this.#timeline.add("disk", "fails");
    this.#clock.setTimer(ms, () => {
      disk.failing = false;
      this.#timeline.add("disk", "is well again");
    });
  }

  /** Ends the process after a drain or a crash. */
  #end(process: GatewayProcess, how: "reset" | "silent"): void {
    const { network } = this.#deps;
    network.shut(process);
    process.die();
    this.#processes[process.slot] = undefined;
    this.#cluster?.changed(process.slot);
    this.#checker.stopped(process.number);
    network.serverDied(how, process.number);
    this.#backend.processEnded(process);
  }

  #heal(): void {
    this.#timeline.add("world", "heals");
    for (const faults of this.#clientFaults) faults.end();
    this.#globalFaults.end();
    this.#backend.end();
  }

  #assertHealed(): void {
    this.#checker.healed();
    const away = this.#clients.filter(({ ready }) => !ready).map(({ name }) => name);
    if (away.length > 0) this.#report("everybody can come back", `${away.join(" ")} are not ready`);
    for (const client of this.#clients) client.healed();
  }

  #assertEmpty(): void {
    for (const process of this.#processes) {
      const { gateway, timers } = process ?? {};
      if (gateway === undefined) return this.#report("everybody can come back", "no gateway runs");
      for (const [name, size] of Object.entries(gateway.tables)) {
        if (size > 0) this.#report("nothing is left behind", `${size} entries in ${name}`);
      }
      if (timers !== 0) this.#report("nothing is left behind", `${timers} timers are set`);
    }
  }

  #sweepLater(): void {
    this.#clock.setTimer(SWEEP_MS, () => {
      this.#checker.sweep();
      for (const client of this.#clients) client.sweep();
      for (const process of this.#running) this.#lookAtTimers(process);
      this.#sweepLater();
    });
  }

  #lookAtTimers({ number, slot, timers, draining }: GatewayProcess): void {
    const now = this.#clock.steady();
    const sessions = this.#checker.sessions.filter(({ node }) => node === number);
    const links = [...this.#deps.network.links].filter(({ node }) => node === number);
    this.#timerChecks[slot]?.look({
      pending: timers,
      sessions,
      busy: draining || links.some(({ backedUpAtMs }) => now - backedUpAtMs < BUSY_MS) ||
        sessions.some(({ lingering }) => lingering),
      atMs: now,
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
        // The only error that is not a bug.
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

  /** Records an unexpected error. Must not throw: its callers are error handlers. */
  #broke(error: unknown, where: string): void {
    // Production code reports a checker's violation as a bug of its own.
    if (error instanceof Violation) return;
    this.#record("no bug comes up", `${where}: ${error instanceof Error ? error.stack : error}`);
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
    // Production code must not turn the error into a second violation.
    this.#deps.network.serverDied("silent");
    return violation;
  }
}
