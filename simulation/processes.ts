/**
 * Starts, crashes, drains and restarts the gateways of a world.
 *
 * @module
 */

import { GatewayProcess, type NodeOptions, type ProcessWorld } from "./process.ts";
import type { Random } from "../mock/chaos/random.ts";

const DRAINED_DOWN_MS = 5000;

export class Processes {
  /** Called after the end of a process. */
  onEnded: (process: GatewayProcess) => void = () => {};
  readonly #world: ProcessWorld;
  readonly #options: NodeOptions;
  readonly #random: Random;
  /** By slot. */
  readonly #processes: (GatewayProcess | undefined)[];
  #starts = 0;
  #picks = 0;

  constructor(world: ProcessWorld, options: NodeOptions, count: number) {
    this.#world = world;
    this.#options = options;
    this.#random = world.random.fork("process");
    this.#processes = Array.from({ length: count }, () => undefined);
  }

  /** Processes by slot; undefined while one is down. */
  get all(): readonly (GatewayProcess | undefined)[] {
    return this.#processes;
  }

  /** Those whose gateway accepts connections. */
  get running(): readonly GatewayProcess[] {
    return this.#processes.flatMap((process) => process?.users === undefined ? [] : [process]);
  }

  /** A random running process. */
  pick(): GatewayProcess | undefined {
    const { running } = this;
    if (running.length < 2) return running[0];
    return this.#world.random.fork(`pick${this.#picks++}`).pick(running);
  }

  start(slot: number): void {
    const number = ++this.#starts;
    this.#trace(slot, "starts");
    const random = this.#random.fork(String(number));
    const options = { ...this.#options, number, slot, random };
    this.#processes[slot] = new GatewayProcess(this.#world, options);
    this.#world.markDirty();
  }

  /** Ends a process abruptly and starts another after `downMs`. */
  crash(how: "reset" | "silent", downMs: number): void {
    const process = this.pick() ?? this.#processes.find((each) => each !== undefined);
    if (process === undefined) return;
    this.#trace(process.slot, `crashes (${how})`);
    this.#restart(process, { how, downMs });
  }

  /** Drains a process over `spreadMs` and starts another. */
  drain(spreadMs: number): void {
    const { checker, clock, broke } = this.#world;
    const process = this.pick();
    if (process?.gateway === undefined || process.draining) return;
    this.#trace(process.slot, `drains over ${spreadMs} ms`);
    checker.draining(process.number, clock.steady() + spreadMs);
    process.drain(spreadMs).then(() => {
      if (this.#processes[process.slot] !== process) return;
      this.#trace(process.slot, "has drained");
      this.#restart(process, { how: "reset", downMs: DRAINED_DOWN_MS });
    }).catch(broke);
  }

  #restart(
    process: GatewayProcess,
    { how, downMs }: { readonly how: "reset" | "silent"; readonly downMs: number },
  ): void {
    const { network, cluster, checker, clock } = this.#world;
    const { slot, number } = process;
    network.shut(process);
    process.die();
    this.#processes[slot] = undefined;
    cluster?.changed(slot);
    checker.stopped(number);
    network.serverDied(how, number);
    this.onEnded(process);
    clock.setTimer(downMs, () => {
      if (this.#processes[slot] === undefined) this.start(slot);
    });
  }

  #trace(slot: number, what: string): void {
    const { cluster, timeline } = this.#world;
    timeline.add(cluster === undefined ? "gateway" : `gateway ${slot}`, what);
  }
}
