/**
 * Retention of the SQLite log: removes messages by age and size and keys after a day, and returns free pages to
 * the file system. Measures ages independently of the wall clock.
 *
 * Sizes are measured in a unit, a sixteenth of the limit: no transaction and no write-ahead log is much larger,
 * so four units below the limit are enough room between two checks. Every step is bounded, and a publish waits
 * for one at most.
 *
 * @module
 */

import { IDEMPOTENCY_MS } from "../limits.ts";
import type { Instant } from "./store_types.ts";
import type { Tables } from "./tables.ts";

const PAGE_BYTES = 4096;
const MIN_UNIT_BYTES = 16 * PAGE_BYTES;
const MAX_UNIT_BYTES = 1024 * PAGE_BYTES;
/** Most rows that one transaction removes; each may touch a page of the index. */
const MAX_STEP_ROWS = 512;
/** About the size of a key on disk. */
const KEY_BYTES = 256;

export class Retention {
  /** Most bytes of one transaction. */
  readonly unitBytes: number;
  readonly #retentionMs: number;
  readonly #markBytes: number;
  readonly #maxKeys: number;
  #givingBack = false;
  /** Used bytes after the last step that left too many. */
  #leftBytes = Infinity;

  constructor(limits: { readonly retentionMs: number; readonly retentionBytes: number }) {
    const { retentionMs, retentionBytes } = limits;
    const sixteenth = Math.floor(retentionBytes / 16);
    this.unitBytes = Math.min(MAX_UNIT_BYTES, Math.max(MIN_UNIT_BYTES, sixteenth));
    this.#retentionMs = retentionMs;
    this.#markBytes = Math.max(retentionBytes - 4 * this.unitBytes, this.unitBytes);
    this.#maxKeys = Math.floor(this.#markBytes / 2 / KEY_BYTES);
  }

  /** The unit in pages, and the most rows of one transaction. */
  get unit(): number {
    return Math.floor(this.unitBytes / PAGE_BYTES);
  }

  /** Most rows that one transaction removes. */
  get #stepRows(): number {
    return Math.min(this.unit, MAX_STEP_ROWS);
  }

  isFull(tables: Tables): boolean {
    return tables.usedBytes > this.#markBytes;
  }

  /** Does a bounded part of what is due at `now`, a stamp; returns whether there is more. */
  step(tables: Tables, now: number): boolean {
    const keys = tables.deleteKeys(now - IDEMPOTENCY_MS, this.#stepRows);
    const messages = tables.deleteMessages(now - this.#retentionMs, this.#stepRows);
    if (Math.max(keys, messages) === this.#stepRows) return true;
    return this.#makeRoom(tables) || this.#giveBack(tables);
  }

  /** Removes the oldest messages until there is room, with some to spare. */
  #makeRoom(tables: Tables): boolean {
    if (!this.isFull(tables)) return false;
    // Messages go before keys, but keys alone must not fill the file.
    while (tables.countKeys() > this.#maxKeys) tables.deleteKeys(Infinity, this.#stepRows);
    let more = true;
    for (let rows = 0; more;) {
      const gone = tables.deleteMessages(Infinity, this.#stepRows);
      if (gone === 0 && tables.deleteKeys(Infinity, this.#stepRows) === 0) more = false;
      rows += gone;
      tables.checkpointIfDue();
      const usedBytes = tables.usedBytes;
      if (usedBytes <= this.#markBytes - this.unitBytes / 2) more = false;
      // Enough for one step, if more was removed than was added since the last.
      if (rows >= this.#stepRows && usedBytes < this.#leftBytes) break;
    }
    this.#leftBytes = more ? tables.usedBytes : Infinity;
    return more;
  }

  /** Returns free pages to the file system once they are many; a few stay for reuse. */
  #giveBack(tables: Tables): boolean {
    const free = tables.freePages;
    if (free > 2 * this.unit) this.#givingBack = true;
    if (!this.#givingBack) return false;
    if (free > this.unit) {
      tables.vacuum(Math.ceil(this.unit / 4));
      if (tables.freePages < free) return true;
    }
    // The file shrinks when the write-ahead log is written back.
    this.#givingBack = false;
    tables.truncateWal();
    return false;
  }
}

/**
 * The scale of ages, in milliseconds, for one process. It advances by the steady clock, and between two
 * processes by the wall clock, or not at all if that went back: a wall clock that was wrong once leaves no stamp
 * that expires too early or late.
 */
export class RetentionClock {
  readonly #last: { readonly time: number; readonly stamp: number };
  #origin: { readonly steady: number; readonly stamp: number } | undefined;

  /** @param last the last message that an earlier process stored; zeros if there was none */
  constructor(last: { readonly time: number; readonly stamp: number }) {
    this.#last = last;
  }

  /** The stamp of an instant: whole milliseconds, never less than an earlier result. */
  stampOf({ wall, steady }: Instant): number {
    const { time, stamp } = this.#last;
    this.#origin ??= { steady, stamp: stamp + Math.max(0, wall - time) };
    return this.#origin.stamp + Math.floor(Math.max(0, steady - this.#origin.steady));
  }
}
