/**
 * What was measured, round by round: of each server, by name.
 *
 * @module
 */

import { median } from "../support/stats.ts";

/** Figures of one kind, of each server one for each round. */
export class Samples {
  readonly #values = new Map<string, number[]>();

  /** Adds what a round gave. */
  add(name: string, value: number): void {
    const values = this.#values.get(name) ?? [];
    values.push(value);
    this.#values.set(name, values);
  }

  /** Whether there are figures of a server. */
  has(name: string): boolean {
    return this.#values.has(name);
  }

  /** The median of a server; NaN of none. */
  median(name: string): number {
    return median(this.#values.get(name) ?? []);
  }

  /** The median of the quotients of the rounds of two servers, which had the machine at about the same time. */
  ratio(name: string, reference: string): number {
    const divisors = this.#values.get(reference) ?? [];
    return median((this.#values.get(name) ?? []).map((value, at) => value / (divisors[at] ?? NaN)));
  }

  /** As it is. */
  toJSON(): Readonly<Record<string, readonly number[]>> {
    return Object.fromEntries(this.#values);
  }
}
