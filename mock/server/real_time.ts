/**
 * Advances virtual time at the speed of real time.
 *
 * @module
 */

import type { Clock } from "../../gateway/ports.ts";
import type { VirtualClock } from "../gateway/virtual_clock.ts";

/** Real time between two steps of virtual time, in milliseconds. */
const STEP_MS = 5;

export class RealTime {
  readonly #virtual: VirtualClock;
  readonly #real: Clock;
  #run: { stopped: boolean } | undefined;

  constructor(virtual: VirtualClock, real: Clock) {
    this.#virtual = virtual;
    this.#real = real;
  }

  get running(): boolean {
    return this.#run !== undefined;
  }

  start(): void {
    if (this.#run !== undefined) return;
    const run = { stopped: false };
    this.#run = run;
    let countedMs = this.#real.steady();
    const step = async (): Promise<void> => {
      if (run.stopped) return;
      const passedMs = Math.floor(this.#real.steady() - countedMs);
      countedMs += passedMs;
      await this.#virtual.advance(passedMs);
      if (!run.stopped) this.#real.setTimer(STEP_MS, () => void step());
    };
    void step();
  }

  stop(): void {
    if (this.#run !== undefined) this.#run.stopped = true;
    this.#run = undefined;
  }
}
