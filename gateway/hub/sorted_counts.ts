/**
 * Counts by name, in the order of names (UTF-16 code units). The number of names is at hand, and a page costs
 * what is on it, however many names there are.
 *
 * @module
 */

/**
 * A chunk of so many names is split. An insertion moves half a chunk on average; twice as many names in half as
 * many chunks cost the same.
 */
const MAX_CHUNK = 512;

/** Sorted names and the count of each. */
interface Chunk {
  readonly names: string[];
  readonly counts: number[];
}

export class SortedCounts {
  /** In order, none empty. */
  readonly #chunks: Chunk[] = [];
  #size = 0;

  /** Number of names with a count. */
  get size(): number {
    return this.#size;
  }

  /** Adds one to the count of `name`. */
  add(name: string): void {
    const index = this.#chunkOf(name);
    const chunk = this.#chunks[index];
    if (chunk === undefined) {
      this.#size = 1;
      this.#chunks.push({ names: [name], counts: [1] });
      return;
    }
    const { names, counts } = chunk;
    const at = lowerBound(names, name);
    if (names[at] === name) {
      counts[at] = (counts[at] ?? 0) + 1;
      return;
    }
    this.#size += 1;
    names.splice(at, 0, name);
    counts.splice(at, 0, 1);
    if (names.length < MAX_CHUNK) return;
    const half = MAX_CHUNK / 2;
    this.#chunks.splice(index + 1, 0, { names: names.splice(half), counts: counts.splice(half) });
  }

  /** Takes one from the count of `name`. Without effect if it has none. */
  remove(name: string): void {
    const index = this.#chunkOf(name);
    const { names, counts } = this.#chunks[index] ?? { names: [], counts: [] };
    const at = lowerBound(names, name);
    if (names[at] !== name) return;
    const count = (counts[at] ?? 0) - 1;
    if (count > 0) {
      counts[at] = count;
      return;
    }
    this.#size -= 1;
    names.splice(at, 1);
    counts.splice(at, 1);
    if (names.length === 0) this.#chunks.splice(index, 1);
  }

  /** Yields the names after `after`, or all, with their counts. Do not change them meanwhile. */
  *after(after: string | undefined): Generator<readonly [name: string, count: number]> {
    let index = after === undefined ? 0 : this.#chunkOf(after);
    for (; index < this.#chunks.length; index += 1) {
      const { names, counts } = this.#chunks[index] ?? { names: [], counts: [] };
      let at = after === undefined ? 0 : lowerBound(names, after);
      if (names[at] === after) at += 1;
      for (; at < names.length; at += 1) yield [names[at] ?? "", counts[at] ?? 0];
    }
  }

  /** The index of the only chunk that may have `name`; 0 if there is none. */
  #chunkOf(name: string): number {
    let low = 0;
    let high = this.#chunks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#chunks[middle]?.names[0] ?? "") <= name) low = middle + 1;
      else high = middle;
    }
    return Math.max(0, low - 1);
  }
}

/** The index of the first of the sorted `names` that is not before `name`. */
function lowerBound(names: readonly string[], name: string): number {
  let low = 0;
  let high = names.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((names[middle] ?? "") < name) low = middle + 1;
    else high = middle;
  }
  return low;
}
