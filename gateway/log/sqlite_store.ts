/**
 * The SQLite log as the thread sees it that holds the file. Every call is one step that is done when it
 * returns.
 *
 * A fault of the disk closes the database; the next call opens it again, so that the log recovers when
 * the disk does. What was not answered as kept is then taken out: a commit that failed may have reached
 * the disk all the same, and nobody was told of its messages.
 *
 * @module
 */

import { OperationalError } from "../errors.ts";
import { toFailure } from "./failure.ts";
import { IDEMPOTENCY_MS } from "./limits.ts";
import { RetentionClock } from "./retention_clock.ts";
import { readPage } from "./sqlite_read.ts";
import { Retention } from "./sqlite_retention.ts";
import { isFault, openDatabase, unavailable } from "./sqlite_schema.ts";
import { Tables } from "./sqlite_tables.ts";
import type {
  Appended,
  AppendOutcome,
  AppendRequest,
  Instant,
  ReadRequest,
  ReadResult,
  StoreOptions,
  StoreState,
  SyncStore,
} from "./store.ts";

/**
 * How far the sequence jumps when a file is opened whose last commits a power cut may have taken back:
 * clients may have seen their ids, which must not be given to other messages. Without a sync no more
 * than the write-ahead log can be lost, and that never holds so many.
 */
const LOST_MAX = 2 ** 20;

/** A log in a file, which one process has for itself. */
export class SqliteStore implements SyncStore {
  readonly #options: StoreOptions;
  readonly #retention: Retention;
  #tables: Tables | undefined;
  #epoch = "";
  /** The last sequence that was answered as kept. */
  #head = 0;
  /** The least sequence that the next message may have. */
  #next = 1;
  #ages = new RetentionClock({ time: 0, stamp: 0 });
  #closed = false;

  /** A store that is not open yet. */
  constructor(options: StoreOptions) {
    this.#options = options;
    this.#retention = new Retention(options);
  }

  /**
   * Opens the file, or makes it.
   *
   * @throws {OperationalError} `log_locked`, `log_corrupt` or `log_unavailable`
   */
  open(): StoreState {
    const { sync } = this.#options;
    this.#tables = this.#connect(false, (tables) => {
      const last = tables.last();
      this.#epoch = tables.epoch;
      this.#head = last.sequence;
      this.#ages = new RetentionClock(last);
      const lossy = [sync, tables.replaceSync(sync)].includes("normal");
      this.#next = this.#head + 1 + (lossy ? LOST_MAX : 0);
    });
    const { unit, unitBytes } = this.#retention;
    return { epoch: this.#epoch, head: this.#head, groupRows: unit, groupBytes: unitBytes };
  }

  /** A fault of the disk fails the group, a fault of one request that request alone. */
  append(requests: readonly AppendRequest[], now: Instant): Appended {
    try {
      return this.#use((tables) => this.#commit(tables, requests, now));
    } catch (error) {
      if (requests.length > 1 && !(error instanceof OperationalError)) {
        const each = requests.map((request) => this.append([request], now));
        return {
          outcomes: each.flatMap(({ outcomes }) => outcomes),
          full: each.some(({ full }) => full),
        };
      }
      const failure = toFailure(error);
      return { outcomes: requests.map(() => ({ kind: "failed", failure })), full: false };
    }
  }

  /**
   * Reads a page.
   *
   * @throws {OperationalError} `log_unavailable`
   */
  read(request: ReadRequest): ReadResult {
    return this.#use((tables) => readPage(tables, request));
  }

  /**
   * Does a part of what retention asks for.
   *
   * @throws {OperationalError} `log_unavailable`
   */
  prune(now: Instant): boolean {
    return this.#use((tables) => this.#retention.step(tables, this.#ages.stampOf(now)));
  }

  /**
   * Writes a little.
   *
   * @throws {OperationalError} `log_unavailable`
   */
  check(now: Instant): void {
    this.#use((tables) => tables.touch(now.wall));
  }

  /** Closes the file; nothing works any more. */
  close(): void {
    this.#closed = true;
    this.#drop();
  }

  #commit(tables: Tables, requests: readonly AppendRequest[], now: Instant): Appended {
    const time = now.wall;
    const stamp = this.#ages.stampOf(now);
    let next = this.#next;
    const outcomes = tables.transact(() =>
      requests.map(({ rows, once }): AppendOutcome => {
        const earlier = once === undefined ? undefined : recall(tables, once, stamp);
        if (earlier !== undefined) return earlier;
        const first = next;
        for (const row of rows) tables.insert({ ...row, sequence: next++, time, stamp });
        const count = rows.length;
        if (once !== undefined) {
          tables.rememberKey(once.key, { digest: once.digest, first, count, time, stamp });
        }
        return { kind: "kept", first, count, time };
      })
    );
    const full = this.#retention.isFull(tables);
    if (next > this.#next) {
      this.#head = next - 1;
      this.#next = next;
    }
    return { outcomes, full };
  }

  /** Works with the open database, or with one that is opened again. */
  #use<T>(work: (tables: Tables) => T): T {
    if (this.#closed) throw new OperationalError("log_closed", "the log is closed");
    const tables = this.#tables ??= this.#reopen();
    try {
      return work(tables);
    } catch (error) {
      if (!isFault(error)) throw error;
      this.#drop();
      throw unavailable(error);
    }
  }

  #reopen(): Tables {
    try {
      return this.#connect(true, (tables) => {
        if (tables.epoch !== this.#epoch) throw new Error("another file is in its place");
        tables.discardAfter(this.#head);
      });
    } catch (error) {
      throw isUnavailable(error) ? error : unavailable(error);
    }
  }

  #connect(again: boolean, prepare: (tables: Tables) => void): Tables {
    const { directory, sync, epoch } = this.#options;
    const walPages = this.#retention.unit;
    const database = openDatabase({ directory, sync, epoch, walPages, again });
    try {
      const tables = new Tables(database);
      prepare(tables);
      return tables;
    } catch (error) {
      // What is left open would keep its lock.
      database.close();
      throw isFault(error) ? unavailable(error, again ? undefined : directory) : error;
    }
  }

  #drop(): void {
    try {
      this.#tables?.close();
    } catch {
      // What could not be written back stays in the write-ahead log, where opening finds it.
    }
    this.#tables = undefined;
  }
}

function isUnavailable(error: unknown): boolean {
  return error instanceof OperationalError && error.code === "log_unavailable";
}

/** What an earlier publish with the same key makes of this one. */
function recall(
  tables: Tables,
  { key, digest }: { readonly key: string; readonly digest: string },
  stamp: number,
): AppendOutcome | undefined {
  const earlier = tables.findKey(key);
  if (earlier === undefined || earlier.stamp <= stamp - IDEMPOTENCY_MS) return undefined;
  if (earlier.digest === digest) {
    return { kind: "repeated", first: earlier.first, count: earlier.count, time: earlier.time };
  }
  const message = "this Idempotency-Key was used with another body";
  return {
    kind: "failed",
    failure: { code: "idempotency_key_reused", message, cause: undefined },
  };
}
