/**
 * Stores measured values by server and round.
 *
 * @module
 */

import { median } from "../support/stats.ts";

/** One value for each server and round. */
export class Samples {
  readonly #values = new Map<string, number[]>();

  add(name: string, value: number): void {
    const values = this.#values.get(name) ?? [];
    values.push(value);
    this.#values.set(name, values);
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }

  /** NaN without values. */
  median(name: string): number {
    return median(this.#values.get(name) ?? []);
  }

  /** The median of the ratios of each round, in which both servers ran at about the same time. */
  ratio(name: string, reference: string): number {
    const divisors = this.#values.get(reference) ?? [];
    return median((this.#values.get(name) ?? []).map((value, at) => value / (divisors[at] ?? NaN)));
  }

  toJSON(): Readonly<Record<string, readonly number[]>> {
    return Object.fromEntries(this.#values);
  }
}
