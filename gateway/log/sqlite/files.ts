/**
 * Looks after the two files of an open database from outside: that they are still the files that were opened,
 * and that what was committed can be read back from them. SQLite does not: it goes on writing to files that
 * nobody finds any more, and to a write-ahead log that no recovery would get through.
 *
 * The database file changes in checkpoints alone, which all go through here; so any other change of its size
 * or its time is somebody else's. The write-ahead log is read back, every commit when it is made
 * and all of it again every {@linkcode VERIFY_INTERVAL_MS} in which something is asked of the log.
 *
 * @module
 */

import { renameSync, type Stats, statSync } from "node:fs";
import { OperationalError } from "../../errors.ts";
import { Wal } from "./wal.ts";

/** How long what was read back stands: half of the second within which damage is to be found. */
const VERIFY_INTERVAL_MS = 500;
/** Where a database file is while it is closed without a checkpoint. */
const ASIDE = "-aside";

/** Which file it is, whatever its name. */
export type FileIdentity = Pick<Stats, "dev" | "ino">;

/** What the files are looked after with. */
export interface LogFilesOptions {
  /** The path of the database file. */
  readonly path: string;
  /** Size of the write-ahead log from which on a checkpoint is due, in pages. */
  readonly walPages: number;
  /** Looks through the whole database. Returns whether it is well. */
  readonly check: () => boolean;
}

/** The files of one open database. */
export class LogFiles {
  readonly #path: string;
  readonly #options: LogFilesOptions;
  readonly #wal: Wal;
  readonly #walIdentity: FileIdentity;
  #database: Stats;
  /** When work was done last, and when the write-ahead log was read from its start. */
  #now = -Infinity;
  #verifiedAt = -Infinity;
  /** The frames that are in the database file too. */
  #copied = 0;

  /** Begins with the files as they are. */
  constructor(options: LogFilesOptions) {
    this.#options = options;
    this.#path = options.path;
    this.#database = statSync(this.#path);
    this.#walIdentity = statSync(this.#walPath);
    this.#wal = new Wal(this.#walPath);
    this.#wal.follow();
  }

  /** Which file the database is in. */
  get identity(): FileIdentity {
    return this.#database;
  }

  /** Whether the write-ahead log, as far as it was read, is so long that it should be written back. */
  get isWalLong(): boolean {
    if (this.#wal.frames < this.#copied) this.#copied = 0;
    return this.#wal.frames >= this.#options.walPages && this.#wal.frames !== this.#copied;
  }

  /** The same, after reading what was written meanwhile. */
  checkpointDue(): boolean {
    this.#wal.follow();
    return this.isWalLong;
  }

  /**
   * To be called after work and before anybody hears that it was done; `committed` says that something was
   * written, `steady` is in milliseconds.
   *
   * @throws {OperationalError} `log_unavailable` when a file is not in its place, `log_corrupt` when what
   * is in it cannot be read back
   */
  readBack({ committed, steady }: { readonly committed: boolean; readonly steady: number }): void {
    // Before its size is looked at: where it has begun again, SQLite may have cut it.
    const more = this.#wal.follow();
    this.#assertInPlace();
    if (committed && !more) throw this.#damaged(this.#walPath);
    this.#now = steady;
    if (steady - this.#verifiedAt >= VERIFY_INTERVAL_MS) this.#verifyWal();
  }

  /** Does a checkpoint, unless it would copy what is damaged into the database. */
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
   * Closes the database with `close`. SQLite then writes the write-ahead log back and removes it; where that is
   * damaged, or `damaged` says that the database is, both files stay as they are. Returns whether they were well.
   */
  close(close: () => void, { damaged }: { readonly damaged: boolean }): boolean {
    const intact = !damaged && this.#wal.isIntact();
    this.#wal.close();
    if (intact) {
      close();
      return true;
    }
    // It writes nothing back into a file that is not in its place (`databaseIsUnmoved` in its pager.c), and
    // there is no other way to ask for that here.
    const found = statSync(this.#path, { throwIfNoEntry: false });
    const inPlace = found !== undefined && isSame(found, this.#database);
    try {
      if (inPlace) renameSync(this.#path, this.#path + ASIDE);
    } catch {
      // In a directory that cannot be written to it is left open: the end of the process writes nothing back.
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
    // Shorter is damaged even if every page is in the write-ahead log: beside an empty file SQLite deletes that.
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

/** Whether there is a file at `path` that is another than this one. */
export function isReplaced(path: string, identity: FileIdentity): boolean {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats !== undefined && !isSame(stats, identity);
}

/** Damage that was found while the log was open. The path, in the cause, is for the log of the process alone. */
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
