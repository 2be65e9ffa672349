/**
 * The prepared statements of the SQLite log, typed. Decides nothing: `store.ts` and `retention.ts` do.
 *
 * @module
 */

import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Revocation } from "../../ports.ts";
import { isDamage, isFault } from "./schema.ts";
import type { NewRow, Row, StampedRow } from "./store_types.ts";

export interface IdempotencyRecord {
  /** Of the body that came with the key. */
  readonly digest: string;
  /** The sequence of the first message. */
  readonly first: number;
  readonly count: number;
  /** Unix milliseconds. */
  readonly time: number;
  /** On the scale of `RetentionClock`. */
  readonly stamp: number;
}

/** The last message that was ever stored; zeros if there was none. */
export interface Last {
  readonly sequence: number;
  /** Unix milliseconds. */
  readonly time: number;
  /** On the scale of `RetentionClock`. */
  readonly stamp: number;
}

export interface CheckpointGuard {
  /** Returns whether the write-ahead log is due to be written back. */
  readonly checkpointDue: () => boolean;
  /** Calls `run`, or throws instead if the checkpoint would copy damage. */
  readonly checkpoint: (run: () => void) => void;
}

const UNGUARDED: CheckpointGuard = { checkpointDue: () => false, checkpoint: (run) => run() };

type Columns = ReturnType<StatementSync["get"]>;

export class Tables {
  readonly #database: DatabaseSync;
  readonly #guard: CheckpointGuard;
  readonly #begin: StatementSync;
  readonly #commit: StatementSync;
  readonly #rollback: StatementSync;
  readonly #insert: StatementSync;
  readonly #row: StatementSync;
  readonly #byTopic: StatementSync;
  readonly #findKey: StatementSync;
  readonly #insertKey: StatementSync;
  readonly #deleteKey: StatementSync;
  readonly #pageCount: StatementSync;
  readonly #freeCount: StatementSync;
  #prunedThrough: number;

  constructor(database: DatabaseSync, guard = UNGUARDED) {
    this.#database = database;
    this.#guard = guard;
    this.#begin = database.prepare("BEGIN IMMEDIATE");
    this.#commit = database.prepare("COMMIT");
    this.#rollback = database.prepare("ROLLBACK");
    this.#insert = database.prepare(
      "INSERT INTO message (sequence, topic, time, body, stamp) VALUES (?, ?, ?, ?, ?)",
    );
    this.#row = database.prepare("SELECT topic, time, body FROM message WHERE sequence = ?");
    this.#byTopic = database.prepare(
      `SELECT sequence FROM message WHERE topic = ? AND sequence > ? AND sequence <= ?
       ORDER BY sequence LIMIT ?`,
    );
    this.#findKey = database.prepare(
      `SELECT digest, first, count, time, coalesce(stamp, time) AS stamp
       FROM idempotency WHERE key = ?`,
    );
    this.#insertKey = database.prepare(
      "INSERT INTO idempotency (key, digest, first, count, time, stamp) VALUES (?, ?, ?, ?, ?, ?)",
    );
    this.#deleteKey = database.prepare("DELETE FROM idempotency WHERE key = ?");
    this.#pageCount = database.prepare("PRAGMA page_count");
    this.#freeCount = database.prepare("PRAGMA freelist_count");
    this.#prunedThrough = integer(this.#get("SELECT pruned FROM state"), "pruned");
  }

  get epoch(): string {
    return text(this.#get("SELECT epoch FROM state"), "epoch");
  }

  /** The last sequence that was removed; 0 if none was. */
  get prunedThrough(): number {
    return this.#prunedThrough;
  }

  /** Bytes in use, free pages excluded. */
  get usedBytes(): number {
    return (integer(this.#pageCount.get(), "page_count") - this.freePages) * 4096;
  }

  get freePages(): number {
    return integer(this.#freeCount.get(), "freelist_count");
  }

  last(): Last {
    const last = this.#get(
      `SELECT sequence, time, coalesce(stamp, time) AS stamp
       FROM message ORDER BY sequence DESC LIMIT 1`,
    ) ?? this.#get(
      `SELECT pruned AS sequence, pruned_time AS time, coalesce(pruned_stamp, pruned_time) AS stamp
       FROM state`,
    );
    return {
      sequence: integer(last, "sequence"),
      time: integer(last, "time"),
      stamp: integer(last, "stamp"),
    };
  }

  /** Runs `work` in a transaction, which is durable on return. */
  transact<T>(work: () => T): T {
    this.#begin.run();
    try {
      const result = work();
      this.#commit.run();
      return result;
    } catch (error) {
      // After a disk fault the transaction may be gone, and the database is closed.
      if (!isFault(error)) this.#rollback.run();
      throw error;
    }
  }

  insert({ sequence, topic, time, body, stamp }: StampedRow): void {
    this.#insert.run(sequence, topic, time, body, stamp);
  }

  /** Throws if there is no row with this sequence. */
  row(sequence: number): Row {
    const row = this.#row.get(sequence);
    const time = integer(row, "time");
    return { sequence, time, topic: text(row, "topic"), body: text(row, "body") };
  }

  /** The first `limit` sequences of `topic` from after `after` through `through`. */
  sequences(
    topic: NewRow["topic"],
    { after, through, limit }: {
      readonly after: number;
      readonly through: number;
      readonly limit: number;
    },
  ): number[] {
    const rows = this.#byTopic.all(topic, after, through, limit);
    return rows.map((row) => integer(row, "sequence"));
  }

  findKey(key: string): IdempotencyRecord | undefined {
    const row = this.#findKey.get(JSON.stringify(key));
    return row && {
      digest: text(row, "digest"),
      first: integer(row, "first"),
      count: integer(row, "count"),
      time: integer(row, "time"),
      stamp: integer(row, "stamp"),
    };
  }

  /** Stores `key`, and replaces an earlier record. */
  storeKey(key: string, { digest, first, count, time, stamp }: IdempotencyRecord): void {
    const encoded = JSON.stringify(key);
    this.#deleteKey.run(encoded);
    this.#insertKey.run(encoded, digest, first, count, time, stamp);
  }

  /** The number of keys, or a few more. */
  countKeys(): number {
    const count = this.#get(
      `SELECT coalesce((SELECT max(number) FROM idempotency) + 1
         - (SELECT min(number) FROM idempotency), 0) AS count`,
    );
    return integer(count, "count");
  }

  /** Removes up to `limit` of the oldest keys, none with a stamp later than `stamp`; returns how many. */
  deleteKeys(stamp: number, limit: number): number {
    const oldest = this.#get(
      `SELECT max(number) AS number, count(*) AS count
       FROM (SELECT number, coalesce(stamp, time) AS stamp FROM idempotency ORDER BY number LIMIT ?)
       WHERE stamp <= ?`,
      limit,
      stamp,
    );
    const count = integer(oldest, "count");
    if (count > 0) {
      this.#run("DELETE FROM idempotency WHERE number <= ?", integer(oldest, "number"));
    }
    return count;
  }

  /** Removes up to `limit` of the oldest messages, none with a stamp later than `stamp`; returns how many. */
  deleteMessages(stamp: number, limit: number): number {
    const oldest = this.#get(
      // With max(), SQLite takes the other columns from the row of the maximum.
      `SELECT max(sequence) AS sequence, time, stamp, count(*) AS count
       FROM (SELECT sequence, time, coalesce(stamp, time) AS stamp
             FROM message ORDER BY sequence LIMIT ?)
       WHERE stamp <= ?`,
      limit,
      stamp,
    );
    const count = integer(oldest, "count");
    if (count === 0) return 0;
    const through = integer(oldest, "sequence");
    this.transact(() => {
      this.#run("DELETE FROM message WHERE sequence <= ?", through);
      this.#run(
        "UPDATE state SET pruned = ?, pruned_time = ?, pruned_stamp = ?",
        through,
        integer(oldest, "time"),
        integer(oldest, "stamp"),
      );
    });
    this.#prunedThrough = through;
    return count;
  }

  /** Removes messages after `sequence`, and their keys. */
  discardAfter(sequence: number): void {
    if (this.last().sequence <= sequence) return;
    this.transact(() => {
      this.#run("DELETE FROM message WHERE sequence > ?", sequence);
      this.#run("DELETE FROM idempotency WHERE first > ?", sequence);
    });
  }

  get revocations(): readonly Revocation[] {
    return this.#database.prepare(
      "SELECT user, issued_before FROM revocation ORDER BY issued_before",
    )
      .all().map((row) => ({
        user: text(row, "user"),
        issuedBefore: integer(row, "issued_before"),
      }));
  }

  /** Replaces an earlier revocation of the user. */
  revoke({ user, issuedBefore }: Revocation): void {
    this.#run(
      `INSERT INTO revocation (user, issued_before) VALUES (?, ?)
       ON CONFLICT (user) DO UPDATE SET issued_before = max(issued_before, excluded.issued_before)`,
      user,
      issuedBefore,
    );
  }

  /** Removes the revocations of tokens that were issued before `endedAt` or earlier, in Unix milliseconds. */
  deleteRevocations(endedAt: number): void {
    this.#run("DELETE FROM revocation WHERE issued_before <= ?", endedAt);
  }

  /** Records how commits are synced; returns the mode of the last time that the file was open. */
  replaceSync(sync: string): string {
    const before = text(this.#get("SELECT sync FROM state"), "sync");
    if (before !== sync) this.#run("UPDATE state SET sync = ?", sync);
    return before;
  }

  /** Writes a little, each time something else, because SQLite skips unchanged pages. */
  touch(): void {
    this.#run("UPDATE state SET checked = checked + 1");
  }

  /** Checks the whole file as it is on disk; returns whether it is intact. */
  isWell(): boolean {
    // Drops SQLite's cache, which says nothing about the file.
    this.#database.exec("PRAGMA shrink_memory");
    return text(this.#get("PRAGMA quick_check(1)"), "quick_check") === "ok";
  }

  /** Removes up to `pages` free pages from the file. */
  vacuum(pages: number): void {
    // `all()`, because each step frees one page.
    this.#database.prepare(`PRAGMA incremental_vacuum(${pages})`).all();
  }

  /** Writes the write-ahead log back and truncates its file. */
  truncateWal(): void {
    this.#guard.checkpoint(() => {
      this.#database.prepare("PRAGMA wal_checkpoint(TRUNCATE)").all();
    });
  }

  /** Writes the write-ahead log back if that is due; SQLite then restarts it in place. */
  checkpointIfDue(): void {
    if (!this.#guard.checkpointDue()) return;
    try {
      this.#guard.checkpoint(() => {
        this.#database.prepare("PRAGMA wal_checkpoint(PASSIVE)").all();
      });
    } catch (error) {
      // Commits are safe in the write-ahead log, and the next checkpoint may succeed.
      if (!isFault(error) || isDamage(error)) throw error;
    }
  }

  close(): void {
    this.#database.close();
  }

  #get(sql: string, ...values: number[]): Columns {
    return this.#database.prepare(sql).get(...values);
  }

  #run(sql: string, ...values: (number | string)[]): void {
    this.#database.prepare(sql).run(...values);
  }
}

function integer(row: Columns, column: string): number {
  const value = row?.[column];
  // max() of no rows is NULL.
  if (value === null) return 0;
  if (typeof value !== "number") throw new TypeError(`${column} is no number in this row`);
  return value;
}

function text(row: Columns, column: string): string {
  const value = row?.[column];
  if (typeof value !== "string") throw new TypeError(`${column} is no text in this row`);
  return value;
}
