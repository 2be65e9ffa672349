/**
 * Numbers by key, as cheap to count as a map is: labels and text are made of them at a scrape.
 *
 * @module
 */

/** Plain numbers by key. Starts with its keys at 0, so that a rate over a first event is right. */
export class Tally<K extends string | number> {
  readonly #counts: Map<K, number>;

  constructor(keys: Iterable<K>) {
    this.#counts = new Map(Array.from(keys, (key) => [key, 0]));
  }

  set(key: K, count: number): void {
    this.#counts.set(key, count);
  }

  add(key: K, count: number): void {
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + count);
  }

  each(visit: (key: K, count: number) => void): void {
    this.#counts.forEach((count, key) => visit(key, count));
  }
}
