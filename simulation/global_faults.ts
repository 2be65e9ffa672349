/**
 * Inflicts faults on a whole world: the gateway's process, its disk, the issuer, the wall clock and
 * the network.
 *
 * @module
 */

import type { Backend } from "./backend.ts";
import { faultInfo, type WorldFault } from "./faults.ts";
import type { Random } from "../mock/chaos/random.ts";
import type { WorldDeps } from "./world_deps.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

export class GlobalFaults {
  readonly #world: WorldDeps;
  readonly #random: Random;
  #over = false;

  constructor(world: WorldDeps, backend: Backend) {
    this.#world = world;
    this.#random = world.random.fork("fate");
    const strikes: Readonly<Record<WorldFault, (random: Random) => void>> = {
      crash: (random) => this.#crash(random, backend),
      drain: (random) => this.#drain(random),
      log_failure: (random) => this.#breakDisk(random),
      verifier_failure: (random) => this.#breakIssuer(random),
      receiver_failure: (random) => this.#troubleReceiver(random),
      wall_jump: (random) => this.#setClock(random),
      half_open: (random) => {
        for (const link of random.some([...world.network.links], 0.3)) link.drop();
      },
      cut_off: (random) => {
        const forMs = random.pick([1500, 20_000, 5 * MINUTE_MS]);
        world.cluster?.cutOff(random.pick(world.cluster.slots), forMs);
        this.#disturb(random, { backend, forMs });
      },
      lag: (random) => {
        const forMs = random.pick([MINUTE_MS, 10 * MINUTE_MS]);
        world.cluster?.lag(random.pick(world.cluster.slots), forMs);
        this.#disturb(random, { backend, forMs });
      },
    };
    for (const fault of Object.keys(strikes) as WorldFault[]) {
      const { everyHours = Infinity, nodes } = faultInfo(fault);
      if (nodes && world.cluster === undefined) continue;
      this.#every(everyHours * HOUR_MS, fault, strikes[fault]);
    }
  }

  /** Stops, and ends all faults. */
  end(): void {
    const { disk, issuer, cluster, receiver } = this.#world;
    this.#over = true;
    receiver.troubled = false;
    cluster?.heal();
    disk.failing = false;
    disk.slowness = 1;
    issuer.failing = false;
    issuer.maxMs = 20;
    issuer.careless = false;
  }

  #crash(random: Random, backend: Backend): void {
    const crash = (): void => {
      this.#world.processes.crash(random.chance(0.7) ? "reset" : "silent", random.int(200, 30_000));
    };
    if (random.chance(0.5)) return crash();
    // A crash during a publish can lose the most.
    backend.whenItPublishes(() => this.#later(random.int(0, 30), "the time has come", crash));
  }

  #drain(random: Random): void {
    const { processes, issuer } = this.#world;
    const drain = (): void => processes.drain(random.pick([0, 500, 20_000]));
    if (random.chance(0.5)) return drain();
    // While all clients reconnect, sessions are at all stages.
    processes.crash("reset", 500);
    issuer.maxMs = 3000;
    this.#later(5000, "the issuer is well again", () => issuer.maxMs = 20);
    this.#later(random.int(800, 2500), "the time has come", drain);
  }

  /** Changes users and breaks connections during the fault. */
  #disturb(
    random: Random,
    { backend, forMs }: { readonly backend: Backend; readonly forMs: number },
  ): void {
    const { network, users } = this.#world;
    for (let count = random.int(2, 10); count > 0; count--) {
      const breaks = random.chance(0.3);
      this.#world.clock.setTimer(random.int(0, forMs), () => {
        if (this.#over) return;
        const [link] = random.some([...network.links], 0.2);
        if (breaks) link?.reset();
        else backend.changeSlightly(random.pick(users), random.fork(`stir${count}`));
      });
    }
  }

  #every(meanMs: number, fault: WorldFault, strike: (random: Random) => void): void {
    const random = this.#random.fork(fault);
    const next = (): void => {
      this.#world.clock.setTimer(random.wait(meanMs), () => {
        if (this.#over) return;
        if (this.#world.allows(fault)) {
          this.#world.count(fault);
          this.#world.timeline.add("fate", fault);
          strike(random.fork(String(this.#world.clock.steady())));
        }
        next();
      });
    };
    next();
  }

  #breakDisk(random: Random): void {
    const { disk } = this.#world;
    const forMs = random.pick([2000, MINUTE_MS, 10 * MINUTE_MS]);
    if (random.chance(0.7)) return this.#world.breakLog(forMs);
    disk.slowness = random.pick([100, 1000]);
    this.#later(forMs, "the disk is well again", () => {
      disk.slowness = 1;
    });
  }

  #breakIssuer(random: Random): void {
    const { issuer } = this.#world;
    if (random.chance(0.5)) issuer.failing = true;
    else issuer.maxMs = 15_000;
    this.#later(random.pick([5000, 5 * MINUTE_MS]), "the issuer is well again", () => {
      issuer.failing = false;
      issuer.maxMs = 20;
    });
  }

  #troubleReceiver(random: Random): void {
    const { receiver } = this.#world;
    receiver.troubled = true;
    this.#later(random.pick([5000, MINUTE_MS, 10 * MINUTE_MS]), "the receiver is well", () => {
      receiver.troubled = false;
    });
  }

  #setClock(random: Random): void {
    const byMs = random.pick([1000, 90_000, 2 * HOUR_MS]) * random.pick([-1, 1]);
    this.#world.checker.history.wallClockShows(this.#world.clock.now());
    this.#world.clock.jumpWall(byMs);
    this.#world.checker.history.wallClockShows(this.#world.clock.now());
    this.#world.timeline.add("fate", `the wall clock is set by ${byMs} ms`);
  }

  #later(ms: number, what: string, act: () => void): void {
    this.#world.clock.setTimer(ms, () => {
      if (this.#over) return;
      this.#world.timeline.add("fate", what);
      act();
    });
  }
}
