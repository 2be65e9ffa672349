/**
 * A monotonic watermark that callers can await.
 *
 * @module
 */

import { OperationalError } from "../../errors.ts";
import type { Clock } from "../../ports.ts";
import { withTimeout } from "../../util.ts";

export class Watermark {
  readonly #clock: Clock;
  #waiting: { readonly number: number; readonly resolve: () => void }[] = [];
  #at: number;

  constructor(clock: Clock, at: number) {
    this.#clock = clock;
    this.#at = at;
  }

  get at(): number {
    return this.#at;
  }

  /** Has no effect unless `number` is greater than {@linkcode at}. */
  advance(number: number): void {
    if (number <= this.#at) return;
    this.#at = number;
    const waiting = this.#waiting;
    if (!waiting.some((one) => one.number <= number)) return;
    this.#waiting = waiting.filter((one) => one.number > number);
    for (const one of waiting) if (one.number <= number) one.resolve();
  }

  /**
   * Resolves once {@linkcode at} is `number` or greater.
   *
   * @throws {OperationalError} `log_unavailable` after `timeoutMs`
   */
  async waitFor(number: number, timeoutMs: number): Promise<void> {
    if (number <= this.#at) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const one = { number, resolve };
    this.#waiting.push(one);
    const late = (): Error => {
      this.#waiting = this.#waiting.filter((other) => other !== one);
      return new OperationalError("log_unavailable", "NATS does not tell what it has stored");
    };
    await withTimeout(promise, { clock: this.#clock, ms: timeoutMs, late });
  }
}
