/**
 * The store that the worker thread runs: every call is one synchronous step.
 *
 * A disk fault, or a file that was moved, closes the database; the next call reopens it, so that the log recovers
 * when the disk does. Unacknowledged messages are then removed: a failed commit may have reached the disk, and no
 * subscriber was notified of it. Damage is permanent: every call fails until the operator repairs the file and
 * restarts the gateway.
 *
 * @module
 */

import { OperationalError } from "../../errors.ts";
import { serializeError } from "./serialize_error.ts";
import { IDEMPOTENCY_MS, keyReused } from "../limits.ts";
import { readPage } from "./read.ts";
import { damaged, type FileIdentity, isReplaced, LogFiles } from "./files.ts";
import { Retention, RetentionClock } from "./retention.ts";
import { FILE_NAME, isDamage, isFault, openDatabase, unavailable } from "./schema.ts";
import { Tables } from "./tables.ts";
import type {
  Appended,
  AppendOutcome,
  AppendRequest,
  Instant,
  ReadRequest,
  ReadResult,
  RevokeRequest,
  StoreOptions,
  StoreState,
  SyncStore,
} from "./store_types.ts";

/**
 * Sequences skipped when a file is opened whose last commits a power cut may have lost: clients may have seen
 * their ids, which must not be reused. At most the write-ahead log can be lost, which never holds so many.
 */
const LOST_MAX = 2 ** 20;

interface Open {
  readonly tables: Tables;
  readonly files: LogFiles;
}

export class SqliteStore implements SyncStore {
  readonly #options: StoreOptions;
  readonly #retention: Retention;
  readonly #path: string;
  #open: Open | undefined;
  /** The file that was opened first; no other is ever written to. */
  #identity: FileIdentity | undefined;
  #damage: OperationalError | undefined;
  #epoch = "";
  /** The last acknowledged sequence. */
  #head = 0;
  /** The lowest sequence of the next message. */
  #next = 1;
  #ages = new RetentionClock({ time: 0, stamp: 0 });
  #closed = false;

  constructor(options: StoreOptions) {
    this.#options = options;
    this.#path = `${options.directory}/${FILE_NAME}`;
    this.#retention = new Retention(options);
  }

  /** @throws {OperationalError} `log_locked`, `log_corrupt` or `log_unavailable` */
  open(): StoreState {
    const { sync } = this.#options;
    this.#open = this.#connect(false, (tables) => {
      const last = tables.last();
      this.#epoch = tables.epoch;
      this.#head = last.sequence;
      this.#ages = new RetentionClock(last);
      const lossy = [sync, tables.replaceSync(sync)].includes("normal");
      this.#next = this.#head + 1 + (lossy ? LOST_MAX : 0);
    });
    this.#identity = this.#open.files.identity;
    const { unit, unitBytes } = this.#retention;
    const { revocations } = this.#open.tables;
    const groups = { groupRows: unit, groupBytes: unitBytes };
    return { epoch: this.#epoch, head: this.#head, ...groups, revocations };
  }

  /** A disk fault fails the whole group, any other error only its own request. */
  append(requests: readonly AppendRequest[], now: Instant): Appended {
    try {
      return this.#use((open) => this.#commit(open, requests, now));
    } catch (error) {
      if (requests.length > 1 && !(error instanceof OperationalError)) {
        const each = requests.map((request) => this.append([request], now));
        return {
          outcomes: each.flatMap(({ outcomes }) => outcomes),
          full: each.some(({ full }) => full),
        };
      }
      const failure = serializeError(error);
      return { outcomes: requests.map(() => ({ kind: "failed", failure })), full: false };
    }
  }

  /** @throws {OperationalError} `log_unavailable` or `log_corrupt` */
  read(request: ReadRequest): ReadResult {
    return this.#use(({ tables }) => readPage(tables, request));
  }

  /** @throws {OperationalError} `log_unavailable` or `log_corrupt` */
  revoke({ endedAt, ...revocation }: RevokeRequest, now: Instant): void {
    this.#use((open) => {
      const { tables } = open;
      tables.transact(() => {
        tables.deleteRevocations(endedAt);
        tables.revoke(revocation);
        // Revoking again may change nothing, and SQLite skips unchanged pages.
        tables.touch();
      });
      this.#settle(open, { committed: true, now });
    });
  }

  /** @throws {OperationalError} `log_unavailable` or `log_corrupt` */
  prune(now: Instant): boolean {
    return this.#use((open) => {
      const more = this.#retention.step(open.tables, this.#ages.stampOf(now));
      this.#settle(open, { committed: false, now });
      return more;
    });
  }

  /**
   * Writes a little and reads it back.
   *
   * @throws {OperationalError} `log_unavailable` or `log_corrupt`
   */
  check(now: Instant): void {
    this.#use((open) => {
      open.tables.touch();
      this.#settle(open, { committed: true, now });
    });
  }

  close(): void {
    this.#closed = true;
    this.#drop();
  }

  #commit(open: Open, requests: readonly AppendRequest[], now: Instant): Appended {
    const { tables } = open;
    const time = now.wall;
    const stamp = this.#ages.stampOf(now);
    let next = this.#next;
    const outcomes = tables.transact(() =>
      requests.map(({ rows, once }): AppendOutcome => {
        const earlier = once === undefined ? undefined : findIdempotent(tables, once, stamp);
        if (earlier !== undefined) return earlier;
        const first = next;
        for (const row of rows) tables.insert({ ...row, sequence: next++, time, stamp });
        const count = rows.length;
        if (once !== undefined) {
          tables.storeKey(once.key, { digest: once.digest, first, count, time, stamp });
        }
        return { kind: "stored", first, count, time };
      })
    );
    this.#settle(open, { committed: next > this.#next, now });
    const full = this.#retention.isFull(tables);
    if (next > this.#next) {
      this.#head = next - 1;
      this.#next = next;
    }
    return { outcomes, full };
  }

  /** Verifies an operation before it is acknowledged. */
  #settle(
    { files, tables }: Open,
    { committed, now }: { readonly committed: boolean; readonly now: Instant },
  ): void {
    files.readBack({ committed, steady: now.steady });
    if (files.isWalLong) tables.checkpointIfDue();
  }

  /** Reopens the database if it is closed. */
  #use<T>(work: (open: Open) => T): T {
    if (this.#closed) throw new OperationalError("log_closed", "the log is closed");
    if (this.#damage !== undefined) throw this.#damage;
    const open = this.#open ??= this.#reopen();
    try {
      return work(open);
    } catch (error) {
      throw this.#failed(error);
    }
  }

  /** Translates `error` for the caller, and closes the database unless one request was at fault. */
  #failed(error: unknown): unknown {
    const ofFiles = error instanceof OperationalError;
    if (!ofFiles && !isFault(error)) return error;
    if (ofFiles && error.code === "log_corrupt") this.#damage = error;
    if (isDamage(error)) this.#damage = damaged(this.#path, "is damaged", String(error));
    this.#drop();
    return this.#damage ?? (ofFiles ? error : unavailable(error));
  }

  #reopen(): Open {
    try {
      // SQLite would apply the write-ahead log beside it to the wrong file.
      if (this.#identity !== undefined && isReplaced(this.#path, this.#identity)) {
        throw new Error("another file is in its place");
      }
      return this.#connect(true, (tables) => {
        if (tables.last().sequence < this.#head) {
          throw this.#damage = damaged(this.#path, "lacks messages that it had");
        }
        tables.discardAfter(this.#head);
      });
    } catch (error) {
      if (error === this.#damage) throw error;
      throw isUnavailable(error) ? error : unavailable(error);
    }
  }

  #connect(again: boolean, prepare: (tables: Tables) => void): Open {
    const { directory, sync, epoch } = this.#options;
    const walPages = this.#retention.unit;
    const database = openDatabase({ directory, sync, epoch, walPages, again });
    try {
      const tables: Tables = new Tables(database, {
        checkpointDue: () => files.checkpointDue(),
        checkpoint: (run) => files.checkpoint(run),
      });
      prepare(tables);
      const check = (): boolean => tables.isWell();
      const files = new LogFiles({ path: this.#path, walPages, check });
      return { tables, files };
    } catch (error) {
      // An open database would hold its lock.
      database.close();
      throw isFault(error) ? unavailable(error, again ? undefined : directory) : error;
    }
  }

  #drop(): void {
    const open = this.#open;
    this.#open = undefined;
    if (open === undefined) return;
    const { files, tables } = open;
    try {
      const intact = files.close(() => tables.close(), { damaged: this.#damage !== undefined });
      if (!intact) this.#damage ??= damaged(`${this.#path}-wal`, "is damaged");
    } catch {
      // The write-ahead log stays, and is recovered when the file is opened.
    }
  }
}

function isUnavailable(error: unknown): boolean {
  return error instanceof OperationalError && error.code === "log_unavailable";
}

/** The outcome if the key was used before; `undefined` if the publish is new. */
function findIdempotent(
  tables: Tables,
  { key, digest }: { readonly key: string; readonly digest: string },
  stamp: number,
): AppendOutcome | undefined {
  const earlier = tables.findKey(key);
  if (earlier === undefined || earlier.stamp <= stamp - IDEMPOTENCY_MS) return undefined;
  if (earlier.digest === digest) {
    return { kind: "repeated", first: earlier.first, count: earlier.count, time: earlier.time };
  }
  return { kind: "failed", failure: serializeError(keyReused()) };
}
