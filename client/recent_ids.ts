/**
 * The ids of the last messages, by which a message that comes again is known: ids are opaque, so that nothing
 * but equality tells.
 *
 * @module
 */

const MOST = 1000;

/** Remembers ids, the oldest of which are forgotten. */
export class RecentIds {
  readonly #ids = new Set<string>();

  /** Remembers `id`; returns whether it was new. */
  add(id: string): boolean {
    if (this.#ids.has(id)) return false;
    this.#ids.add(id);
    if (this.#ids.size > MOST) {
      for (const oldest of this.#ids) {
        this.#ids.delete(oldest);
        break;
      }
    }
    return true;
  }
}
