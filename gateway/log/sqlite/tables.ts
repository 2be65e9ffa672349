/**
 * The statements of the SQLite log, prepared, with types on what goes in and comes out.
 *
 * No decisions: when something is kept is decided in `sqlite_store.ts`, when something goes in
 * `sqlite_retention.ts`.
 *
 * @module
 */

import type { DatabaseSync, StatementSync } from "node:sqlite";
import { isDamage, isFault } from "./schema.ts";
import type { NewRow, Row, StampedRow } from "./store_types.ts";

/** What is remembered of an idempotency key. */
export interface IdempotencyRecord {
  /** The digest of the body that came with it. */
  readonly digest: string;
  /** The sequence of the first message that was published under it. */
  readonly first: number;
  /** How many there were. */
  readonly count: number;
  /** Unix milliseconds. */
  readonly time: number;
  /** When that was, on the scale of retention. */
  readonly stamp: number;
}

/** The last message that was ever kept; zeros if there was none. */
export interface Last {
  /** Its place in the log. */
  readonly sequence: number;
  /** Unix milliseconds. */
  readonly time: number;
  /** When it was kept, on the scale of retention. */
  readonly stamp: number;
}

/** When checkpoints happen, and around what. */
export interface CheckpointGuard {
  /** Whether the write-ahead log is so long that it should be written back. */
  readonly checkpointDue: () => boolean;
  /** Does the checkpoint `run`; fails without doing it where it would do harm. */
  readonly checkpoint: (run: () => void) => void;
}

const UNGUARDED: CheckpointGuard = { checkpointDue: () => false, checkpoint: (run) => run() };

type Columns = ReturnType<StatementSync["get"]>;

/** An open database. */
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

  /** Prepares the statements for a database that `openDatabase` has opened. */
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

  /** The epoch in the file. */
  get epoch(): string {
    return text(this.#get("SELECT epoch FROM state"), "epoch");
  }

  /** The last sequence that is no longer kept, 0 if nothing was ever taken out. */
  get prunedThrough(): number {
    return this.#prunedThrough;
  }

  /** Bytes that the database holds, free pages not among them. */
  get usedBytes(): number {
    return (integer(this.#pageCount.get(), "page_count") - this.freePages) * 4096;
  }

  /** Pages that the file has and the database does not need. */
  get freePages(): number {
    return integer(this.#freeCount.get(), "freelist_count");
  }

  /** The last message that was ever kept. */
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

  /** Does `work` whole or not at all; what it does is durable on return. */
  transact<T>(work: () => T): T {
    this.#begin.run();
    try {
      const result = work();
      this.#commit.run();
      return result;
    } catch (error) {
      // After a fault of the disk the transaction may be gone already, and the database is closed.
      if (!isFault(error)) this.#rollback.run();
      throw error;
    }
  }

  /** Adds a message. */
  insert({ sequence, topic, time, body, stamp }: StampedRow): void {
    this.#insert.run(sequence, topic, time, body, stamp);
  }

  /** The message with this sequence, which is there. */
  row(sequence: number): Row {
    const row = this.#row.get(sequence);
    const time = integer(row, "time");
    return { sequence, time, topic: text(row, "topic"), body: text(row, "body") };
  }

  /** The first `limit` sequences of `topic` that lie after `after` and not after `through`. */
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

  /** What is remembered of `key`. */
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

  /** Remembers `key`, in place of what was remembered of it. */
  rememberKey(key: string, { digest, first, count, time, stamp }: IdempotencyRecord): void {
    const encoded = JSON.stringify(key);
    this.#deleteKey.run(encoded);
    this.#insertKey.run(encoded, digest, first, count, time, stamp);
  }

  /** How many keys are remembered, or a few more. */
  countKeys(): number {
    const count = this.#get(
      `SELECT coalesce((SELECT max(number) FROM idempotency) + 1
         - (SELECT min(number) FROM idempotency), 0) AS count`,
    );
    return integer(count, "count");
  }

  /** Forgets the oldest keys, at most `limit`, and none with a later stamp than this. Returns how many. */
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

  /** Takes out the oldest messages, at most `limit`, none with a later stamp. Returns how many. */
  deleteMessages(stamp: number, limit: number): number {
    const oldest = this.#get(
      // Where there is one maximum, SQLite takes the other columns from its row.
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

  /** Takes out what came after `sequence`, keys included. */
  discardAfter(sequence: number): void {
    if (this.last().sequence <= sequence) return;
    this.transact(() => {
      this.#run("DELETE FROM message WHERE sequence > ?", sequence);
      this.#run("DELETE FROM idempotency WHERE first > ?", sequence);
    });
  }

  /** Sets how commits are synced. Returns how they were when the file was last open. */
  replaceSync(sync: string): string {
    const before = text(this.#get("SELECT sync FROM state"), "sync");
    if (before !== sync) this.#run("UPDATE state SET sync = ?", sync);
    return before;
  }

  /** Writes a little. It has to be something else each time, or SQLite writes nothing. */
  touch(): void {
    this.#run("UPDATE state SET checked = checked + 1");
  }

  /** Looks through the whole file, as it is on disk. Returns whether it is well. */
  isWell(): boolean {
    // What is in SQLite's memory says nothing of the file.
    this.#database.exec("PRAGMA shrink_memory");
    return text(this.#get("PRAGMA quick_check(1)"), "quick_check") === "ok";
  }

  /** Moves at most `pages` free pages out of the file. */
  vacuum(pages: number): void {
    // Through `all()`, because it frees one page a step.
    this.#database.prepare(`PRAGMA incremental_vacuum(${pages})`).all();
  }

  /** Writes the write-ahead log back and empties its file. */
  truncateWal(): void {
    this.#guard.checkpoint(() => {
      this.#database.prepare("PRAGMA wal_checkpoint(TRUNCATE)").all();
    });
  }

  /** Writes the write-ahead log back if it is long; it then begins again in the same place. */
  checkpointIfDue(): void {
    if (!this.#guard.checkpointDue()) return;
    try {
      this.#guard.checkpoint(() => {
        this.#database.prepare("PRAGMA wal_checkpoint(PASSIVE)").all();
      });
    } catch (error) {
      // What was committed is in the write-ahead log all the same, and the next checkpoint may succeed.
      if (!isFault(error) || isDamage(error)) throw error;
    }
  }

  /** Closes the database. */
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
  // The largest of no rows is NULL.
  if (value === null) return 0;
  if (typeof value !== "number") throw new TypeError(`${column} is no number in this row`);
  return value;
}

function text(row: Columns, column: string): string {
  const value = row?.[column];
  if (typeof value !== "string") throw new TypeError(`${column} is no text in this row`);
  return value;
}
