/**
 * Stores measured values by server and round.
 *
 * @module
 */

import { median } from "../support/stats.ts";

/** One value for each server and round. */
export class Samples {
  readonly #values = new Map<string, number[]>();
  readonly #divisors = new Map<string, number[]>();

  /** @param beside the reference's value, if it was measured for this one alone */
  add(name: string, value: number, beside?: number): void {
    push(this.#values, name, value);
    if (beside !== undefined) push(this.#divisors, name, beside);
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
    const divisors = this.#divisors.get(name) ?? this.#values.get(reference) ?? [];
    return median((this.#values.get(name) ?? []).map((value, at) => value / (divisors[at] ?? NaN)));
  }

  toJSON(): Readonly<Record<string, readonly number[]>> {
    return Object.fromEntries(this.#values);
  }
}

function push(table: Map<string, number[]>, name: string, value: number): void {
  const values = table.get(name) ?? [];
  values.push(value);
  table.set(name, values);
}
