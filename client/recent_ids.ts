/**
 * Remembers the ids of recent messages, to drop duplicates. Ids are opaque, so only equality tells.
 *
 * @module
 */

const MAX_IDS = 1000;

export class RecentIds {
  readonly #ids = new Set<string>();

  /** Adds `id`, and returns whether it was new. */
  add(id: string): boolean {
    if (this.#ids.has(id)) return false;
    this.#ids.add(id);
    const [oldest = id] = this.#ids;
    if (this.#ids.size > MAX_IDS) this.#ids.delete(oldest);
    return true;
  }
}
