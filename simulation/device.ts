/**
 * A client's device: its clock, and its sleep, in which timers stand still and fire late. Its steady clock
 * may stand still with them, as on some systems, or go on, as on others.
 *
 * @module
 */

import type { ClientClock, ClientTimer } from "../client/mod.ts";
import type { Clock } from "../gateway/ports.ts";

/** The longest sleep that looks like time that nobody noticed (`client/sleep.ts`). */
const SHOWS_MS = 7000;

/** A device that is awake until it is told to sleep. */
export class Device implements ClientClock {
  readonly #clock: Clock;
  /** How long the steady clock has stood still in sleeps that are over. */
  #stoodMs = 0;
  #sleep:
    | { readonly fromMs: number; readonly fromWallMs: number; readonly stands: boolean }
    | undefined;
  #waiting = new Set<() => void>();
  #wokeAtMs = -Infinity;
  #sleepShows = false;

  /** A device whose time is that of `clock` while it is awake. */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether it sleeps. */
  get asleep(): boolean {
    return this.#sleep !== undefined;
  }

  /** When it last woke, in steady milliseconds of the clock below. */
  get wokeAtMs(): number {
    return this.#wokeAtMs;
  }

  /** Whether the wall clock shows its last sleep; not if that was short, or the clock was set back meanwhile. */
  get sleepShows(): boolean {
    return this.#sleepShows;
  }

  /** Falls asleep; `stands` says whether its steady clock does, too. */
  sleep({ stands }: { readonly stands: boolean }): void {
    this.#sleep ??= { fromMs: this.#clock.steady(), fromWallMs: this.#clock.now(), stands };
  }

  /** Wakes up: what was due meanwhile happens now, in its order. */
  wake(): void {
    if (this.#sleep === undefined) return;
    this.#wokeAtMs = this.#clock.steady();
    this.#sleepShows = this.#clock.now() - this.#sleep.fromWallMs > SHOWS_MS;
    if (this.#sleep.stands) this.#stoodMs += this.#wokeAtMs - this.#sleep.fromMs;
    this.#sleep = undefined;
    const waiting = this.#waiting;
    this.#waiting = new Set();
    for (const fire of waiting) fire();
  }

  /** Wall time, which no sleep keeps from going on. */
  now(): number {
    return this.#clock.now();
  }

  /** Milliseconds of a clock that nobody sets. */
  steady(): number {
    const at = this.#sleep?.stands === true ? this.#sleep.fromMs : this.#clock.steady();
    return at - this.#stoodMs;
  }

  /** Calls `callback` once, `delayMs` from now, in whole milliseconds, or when the device wakes. */
  setTimer(delayMs: number, callback: () => void): ClientTimer {
    const wholeMs = Math.ceil(delayMs);
    const dueAt = this.steady() + wholeMs;
    let over = false;
    const fire = (): void => {
      if (over) return;
      const leftMs = dueAt - this.steady();
      if (this.asleep) this.#waiting.add(fire);
      else if (leftMs > 0) timer = this.#clock.setTimer(leftMs, fire);
      else {
        over = true;
        callback();
      }
    };
    let timer = this.#clock.setTimer(wholeMs, fire);
    return {
      cancel: () => {
        over = true;
        this.#waiting.delete(fire);
        timer.cancel();
      },
    };
  }
}
