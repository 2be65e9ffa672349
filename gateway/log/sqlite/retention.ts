/**
 * What goes from the SQLite log, and when: messages by age and by size, keys after a day, free pages
 * back to the file system.
 *
 * Everything is measured in a unit, a sixteenth of the size limit: no transaction and no write-ahead log
 * is much larger, so that four of them below the limit are room enough for what comes between two looks.
 * Every step is bounded, so that publishes wait for one step at most.
 *
 * @module
 */

import { IDEMPOTENCY_MS } from "../limits.ts";
import type { Instant } from "./store_types.ts";
import type { Tables } from "./tables.ts";

const PAGE_BYTES = 4096;
const MIN_UNIT_BYTES = 16 * PAGE_BYTES;
const MAX_UNIT_BYTES = 1024 * PAGE_BYTES;
/** Most rows that go in one transaction; each may touch a page of the index. */
const MAX_STEP_ROWS = 512;
/** About what a key costs on disk. */
const KEY_BYTES = 256;

/** The retention of one log. */
export class Retention {
  /** Most bytes, and with one row a page most rows, that belong into one transaction. */
  readonly unitBytes: number;
  readonly #retentionMs: number;
  readonly #markBytes: number;
  readonly #maxKeys: number;
  #givingBack = false;
  /** What the database held after the last step that left too much. */
  #leftBytes = Infinity;

  /** Limits in milliseconds and in bytes on disk. */
  constructor(limits: { readonly retentionMs: number; readonly retentionBytes: number }) {
    const { retentionMs, retentionBytes } = limits;
    const sixteenth = Math.floor(retentionBytes / 16);
    this.unitBytes = Math.min(MAX_UNIT_BYTES, Math.max(MIN_UNIT_BYTES, sixteenth));
    this.#retentionMs = retentionMs;
    this.#markBytes = Math.max(retentionBytes - 4 * this.unitBytes, this.unitBytes);
    this.#maxKeys = Math.floor(this.#markBytes / 2 / KEY_BYTES);
  }

  /** The same unit in pages, or in rows. */
  get unit(): number {
    return Math.floor(this.unitBytes / PAGE_BYTES);
  }

  /** Most rows that go in one transaction. */
  get #stepRows(): number {
    return Math.min(this.unit, MAX_STEP_ROWS);
  }

  /** Whether something has to go for its size. */
  isFull(tables: Tables): boolean {
    return tables.usedBytes > this.#markBytes;
  }

  /** Does a part of what is due at `now`, a stamp. Returns whether there is more. */
  step(tables: Tables, now: number): boolean {
    const keys = tables.deleteKeys(now - IDEMPOTENCY_MS, this.#stepRows);
    const messages = tables.deleteMessages(now - this.#retentionMs, this.#stepRows);
    if (Math.max(keys, messages) === this.#stepRows) return true;
    return this.#makeRoom(tables) || this.#giveBack(tables);
  }

  /** Takes out what is oldest until there is room, with some to spare. */
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
      // Enough for one step, if more went than has come since the last.
      if (rows >= this.#stepRows && usedBytes < this.#leftBytes) break;
    }
    this.#leftBytes = more ? tables.usedBytes : Infinity;
    return more;
  }

  /** Gives free pages back once they are many; a few are kept, since they are needed again. */
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

/** The scale, for one process. */
export class RetentionClock {
  readonly #last: { readonly time: number; readonly stamp: number };
  /** A steady time of this process, and its stamp. */
  #origin: { readonly steady: number; readonly stamp: number } | undefined;

  /** Goes on from the last message that earlier processes stored; both are 0 if there was none. */
  constructor(last: { readonly time: number; readonly stamp: number }) {
    this.#last = last;
  }

  /** `now` on this scale, in whole milliseconds. Never less than what was given before. */
  stampOf({ wall, steady }: Instant): number {
    const { time, stamp } = this.#last;
    this.#origin ??= { steady, stamp: stamp + Math.max(0, wall - time) };
    return this.#origin.stamp + Math.floor(Math.max(0, steady - this.#origin.steady));
  }
}
