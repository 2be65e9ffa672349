/**
 * How far something has come that only goes forward, and who waits until it has come so far.
 *
 * @module
 */

import { OperationalError } from "../../errors.ts";
import type { Clock } from "../../ports.ts";
import { withTimeout } from "../../util.ts";

/** How far the stream was followed. */
export class Watermark {
  readonly #clock: Clock;
  #waiting: { readonly number: number; readonly resolve: () => void }[] = [];
  #at: number;

  /** Begins at `at`. */
  constructor(clock: Clock, at: number) {
    this.#clock = clock;
    this.#at = at;
  }

  /** The last number that was reached. */
  get at(): number {
    return this.#at;
  }

  /** `number` is reached, and all before it. */
  advance(number: number): void {
    if (number <= this.#at) return;
    this.#at = number;
    const waiting = this.#waiting;
    if (!waiting.some((one) => one.number <= number)) return;
    this.#waiting = waiting.filter((one) => one.number > number);
    for (const one of waiting) if (one.number <= number) one.resolve();
  }

  /**
   * Resolves when `number` is reached.
   *
   * @throws {OperationalError} `log_unavailable` when it is not within `timeoutMs`
   */
  async waitFor(number: number, timeoutMs: number): Promise<void> {
    if (number <= this.#at) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const one = { number, resolve };
    this.#waiting.push(one);
    const late = (): Error => {
      this.#waiting = this.#waiting.filter((other) => other !== one);
      return new OperationalError("log_unavailable", "NATS does not tell what it has kept");
    };
    await withTimeout(promise, { clock: this.#clock, ms: timeoutMs, late });
  }
}
