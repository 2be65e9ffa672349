/**
 * Lets virtual time run by itself, as fast as real time does.
 *
 * @module
 */

import type { Clock } from "../../gateway/ports.ts";
import type { VirtualClock } from "../gateway/virtual_clock.ts";

/** Real time between two steps of virtual time, in milliseconds. */
const STEP_MS = 5;

/** Virtual time that can run. */
export class RealTime {
  readonly #virtual: VirtualClock;
  readonly #real: Clock;
  /** The run that is under way. */
  #run: { stopped: boolean } | undefined;

  /** Virtual time stands still; `real` is the machine's. */
  constructor(virtual: VirtualClock, real: Clock) {
    this.#virtual = virtual;
    this.#real = real;
  }

  /** Whether virtual time runs by itself. */
  get running(): boolean {
    return this.#run !== undefined;
  }

  /** Lets time run. */
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

  /** Lets time stand still again. */
  stop(): void {
    if (this.#run !== undefined) this.#run.stopped = true;
    this.#run = undefined;
  }
}
