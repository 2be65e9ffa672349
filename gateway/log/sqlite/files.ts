/**
 * Guards the two files of an open database, which SQLite does not: that they are still the files that were
 * opened, and that committed data can be read back from them.
 *
 * The database file changes only in checkpoints, which all run here, so any other change of its size or time is
 * foreign. The write-ahead log is read back: each commit at once, and all of it every
 * {@linkcode VERIFY_INTERVAL_MS} in which the log is used.
 *
 * @module
 */

import { renameSync, type Stats, statSync } from "node:fs";
import { OperationalError } from "../../errors.ts";
import { Wal } from "./wal.ts";

/** Validity of a verification: half of the second in which damage must be found. */
const VERIFY_INTERVAL_MS = 500;
/** The database file's suffix while it is closed without a checkpoint. */
const ASIDE = "-aside";

/** Identifies a file independently of its name. */
export type FileIdentity = Pick<Stats, "dev" | "ino">;

export interface LogFilesOptions {
  readonly path: string;
  /** Size of the write-ahead log at which a checkpoint is due, in pages. */
  readonly walPages: number;
  /** Checks the whole database; returns whether it is intact. */
  readonly check: () => boolean;
}

export class LogFiles {
  readonly #path: string;
  readonly #options: LogFilesOptions;
  readonly #wal: Wal;
  readonly #walIdentity: FileIdentity;
  #database: Stats;
  /** Steady times of the last operation, and of the last verification of the whole write-ahead log. */
  #now = -Infinity;
  #verifiedAt = -Infinity;
  /** Frames that were copied into the database file. */
  #copied = 0;

  constructor(options: LogFilesOptions) {
    this.#options = options;
    this.#path = options.path;
    this.#database = statSync(this.#path);
    this.#walIdentity = statSync(this.#walPath);
    this.#wal = new Wal(this.#walPath);
    this.#wal.follow();
  }

  get identity(): FileIdentity {
    return this.#database;
  }

  /** True if the write-ahead log, as far as it was read, is due for a checkpoint. */
  get isWalLong(): boolean {
    if (this.#wal.frames < this.#copied) this.#copied = 0;
    return this.#wal.frames >= this.#options.walPages && this.#wal.frames !== this.#copied;
  }

  /** Like {@linkcode isWalLong}, after reading on. */
  checkpointDue(): boolean {
    this.#wal.follow();
    return this.isWalLong;
  }

  /**
   * Verifies an operation; call it before acknowledging. `committed` says that something was written,
   * `steady` is in milliseconds.
   *
   * @throws {OperationalError} `log_unavailable` when a file was moved or replaced, `log_corrupt` when its
   * contents cannot be read back
   */
  readBack({ committed, steady }: { readonly committed: boolean; readonly steady: number }): void {
    // Before its size is checked: SQLite may have truncated it when it restarted.
    const more = this.#wal.follow();
    this.#assertInPlace();
    if (committed && !more) throw this.#damaged(this.#walPath);
    this.#now = steady;
    if (steady - this.#verifiedAt >= VERIFY_INTERVAL_MS) this.#verifyWal();
  }

  /** Runs a checkpoint, unless it would copy damage into the database. */
  checkpoint(run: () => void): void {
    this.#wal.follow();
    this.#assertInPlace();
    this.#verifyWal();
    try {
      run();
    } finally {
      this.#database = this.#stat(this.#path);
      if (this.#stat(this.#walPath).size === 0) this.#wal.restart();
      this.#copied = this.#wal.frames;
    }
  }

  /**
   * Closes the database with `close`, in which SQLite writes the write-ahead log back and removes it. If that
   * is damaged, or the database is (`damaged`), both files stay as they are. Returns whether they were intact.
   */
  close(close: () => void, { damaged }: { readonly damaged: boolean }): boolean {
    const intact = !damaged && this.#wal.isIntact();
    this.#wal.close();
    if (intact) {
      close();
      return true;
    }
    // SQLite writes nothing back into a file that was moved (`databaseIsUnmoved` in its pager.c), and there is
    // no other way to prevent it here.
    const found = statSync(this.#path, { throwIfNoEntry: false });
    const inPlace = found !== undefined && isSame(found, this.#database);
    try {
      if (inPlace) renameSync(this.#path, this.#path + ASIDE);
    } catch {
      // In a read-only directory it stays open: the end of the process writes nothing back.
      return false;
    }
    try {
      close();
    } finally {
      if (inPlace) renameSync(this.#path + ASIDE, this.#path);
    }
    return false;
  }

  get #walPath(): string {
    return `${this.#path}-wal`;
  }

  #assertInPlace(): void {
    const database = this.#stat(this.#path);
    if (!isSame(database, this.#database)) throw this.#moved(this.#path);
    const wal = this.#stat(this.#walPath);
    if (!isSame(wal, this.#walIdentity)) throw this.#moved(this.#walPath);
    if (wal.size < this.#wal.minBytes) throw this.#damaged(this.#walPath);
    if (database.size === this.#database.size && database.mtimeMs === this.#database.mtimeMs) {
      return;
    }
    // Shorter is damaged even if every page is in the write-ahead log: SQLite deletes that beside an empty file.
    if (database.size < this.#database.size || !this.#options.check()) {
      throw this.#damaged(this.#path);
    }
    this.#database = database;
  }

  #verifyWal(): void {
    if (!this.#wal.isIntact()) throw this.#damaged(this.#walPath);
    this.#verifiedAt = this.#now;
  }

  #stat(path: string): Stats {
    try {
      return statSync(path);
    } catch (cause) {
      throw this.#moved(path, cause);
    }
  }

  #moved(path: string, cause: unknown = new Error(`${path} is another file`)): OperationalError {
    const message = `the log cannot be used now: ${nameOf(path)} was deleted, moved or replaced ` +
      "while it was open: put it back, or restart the gateway";
    return new OperationalError("log_unavailable", message, { cause });
  }

  #damaged(path: string): OperationalError {
    return damaged(path, "does not hold any more what was written to it");
  }
}

/** Returns whether another file than `identity` is at `path`. */
export function isReplaced(path: string, identity: FileIdentity): boolean {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats !== undefined && !isSame(stats, identity);
}

/** Damage found while the log was open. Only the cause has the path, for the process's log. */
export function damaged(path: string, what: string, reason?: string): OperationalError {
  const message = `${nameOf(path)} ${what}: stop the gateway, and restore a backup or move the ` +
    "file and its -wal file away to start with an empty log";
  const cause = new Error(reason === undefined ? path : `${path}: ${reason}`);
  return new OperationalError("log_corrupt", message, { cause });
}

function isSame(file: FileIdentity, other: FileIdentity): boolean {
  return file.dev === other.dev && file.ino === other.ino;
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
