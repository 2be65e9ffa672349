/**
 * The database file: opens it safely and for this process alone, and migrates its schema. An error says why the
 * file cannot be used and what to do about it.
 *
 * @module
 */

import { mkdirSync, statSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { OperationalError } from "../../errors.ts";
import { toError } from "../../util.ts";

/** The file's name in the data directory; SQLite adds a second one with `-wal`. */
export const FILE_NAME = "messages.sqlite3";

/** Marks the file as ours: "emag" in ASCII. */
const APPLICATION_ID = 0x656d6167;

/**
 * Entry n migrates from version n to n + 1. Never change a released one.
 *
 * Every sequence after the oldest row of `message` has a row, unless it was never used. An index on `topic`
 * is one on (topic, sequence), because SQLite ends every index entry with the row's key.
 */
const MIGRATIONS: readonly string[] = [
  `CREATE TABLE state (
     one INTEGER PRIMARY KEY CHECK (one = 1),
     epoch TEXT NOT NULL,
     pruned INTEGER NOT NULL,
     pruned_time INTEGER NOT NULL,
     sync TEXT NOT NULL,
     checked INTEGER NOT NULL
   ) STRICT;
   CREATE TABLE message (
     sequence INTEGER PRIMARY KEY,
     topic TEXT NOT NULL,
     time INTEGER NOT NULL,
     body TEXT NOT NULL
   ) STRICT;
   CREATE INDEX message_by_topic ON message (topic);
   CREATE TABLE idempotency (
     number INTEGER PRIMARY KEY,
     key TEXT NOT NULL UNIQUE,
     digest TEXT NOT NULL,
     first INTEGER NOT NULL,
     count INTEGER NOT NULL,
     time INTEGER NOT NULL
   ) STRICT;`,
  // Null in rows of version 1, which were pruned by their time.
  `ALTER TABLE message ADD COLUMN stamp INTEGER;
   ALTER TABLE idempotency ADD COLUMN stamp INTEGER;
   ALTER TABLE state ADD COLUMN pruned_stamp INTEGER;`,
  `CREATE TABLE revocation (
     user TEXT PRIMARY KEY,
     issued_before INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;`,
];

/** SQLite's primary result codes that concern the file or the disk, not the statement. */
const Result = {
  Busy: 5,
  NoMemory: 7,
  ReadOnly: 8,
  IoError: 10,
  Corrupt: 11,
  Full: 13,
  CantOpen: 14,
  NotADatabase: 26,
} as const;

/**
 * Files up to this size are checked completely when they are opened, which takes about 3 s for each GiB.
 * Damage in a larger one is found when it is read.
 */
const MAX_CHECKED_BYTES = 2 ** 30;

const FAULTS: ReadonlySet<number> = new Set(Object.values(Result));

export interface DatabaseOptions {
  /** Created if it is missing. */
  readonly directory: string;
  /** `full` syncs every commit, `normal` only checkpoints. */
  readonly sync: "full" | "normal";
  /** The epoch of a new file. */
  readonly epoch: string;
  /** Size to which a restarted write-ahead log is truncated, in pages. */
  readonly walPages: number;
  /** Reopens a file of this process, which must exist and is not checked again. */
  readonly again: boolean;
}

/**
 * Opens the database and migrates it to the newest schema.
 *
 * @throws {OperationalError} `log_locked`, `log_corrupt` or `log_unavailable`
 */
export function openDatabase(options: DatabaseOptions): DatabaseSync {
  const path = `${options.directory}/${FILE_NAME}`;
  const database = connect(path, options);
  try {
    configure(database, path, options);
    return database;
  } catch (error) {
    database.close();
    throw error instanceof OperationalError ? error : explain(error, options);
  }
}

/** Returns whether `error` concerns the disk or the file, so that a retry may succeed. */
export function isFault(error: unknown): boolean {
  if (!(error instanceof Error) || Reflect.get(error, "code") !== "ERR_SQLITE_ERROR") return false;
  const result = resultOf(error);
  // The runtime omits the code if `prepare` fails, and our statements are correct.
  return result === undefined || FAULTS.has(result);
}

/** Returns whether `error` says that the file is damaged. */
export function isDamage(error: unknown): boolean {
  if (!isFault(error) || !(error instanceof Error)) return false;
  const result = resultOf(error);
  if (result === undefined) return /malformed|not a database/.test(error.message);
  return result === Result.Corrupt || result === Result.NotADatabase;
}

/**
 * Wraps a failure. Name `directory` only while opening: later failures are shown to everyone by `/health`, and
 * must not have a path.
 */
export function unavailable(error: unknown, directory?: string): OperationalError {
  const place = directory === undefined ? "" : ` in ${directory}`;
  const message = `the log${place} cannot be used now: ${toError(error).message}`;
  return new OperationalError("log_unavailable", message, { cause: error });
}

/** The file's name, with its path while opening. */
function shownFile({ directory, again }: DatabaseOptions): string {
  return again ? FILE_NAME : `${directory}/${FILE_NAME}`;
}

function connect(path: string, options: DatabaseOptions): DatabaseSync {
  try {
    if (options.again) statSync(path);
    else mkdirSync(options.directory, { recursive: true });
    return new DatabaseSync(path);
  } catch (cause) {
    if (!options.again) throw unavailable(cause, options.directory);
    // The reason has the path in it.
    const message = `the log cannot be used now: ${FILE_NAME} cannot be opened`;
    throw new OperationalError("log_unavailable", message, { cause });
  }
}

function configure(database: DatabaseSync, path: string, options: DatabaseOptions): void {
  database.exec("PRAGMA locking_mode = EXCLUSIVE");
  // The first read, which takes the lock. In this form errors have their code.
  const version = pragma(database, "user_version");
  const fresh = version === 0 && pragma(database, "application_id") === 0 && isEmpty(database);
  if (fresh && options.again) throw corrupt(options, "is empty, though it was not");
  if (!fresh) verify(database, path, version, options);
  // Only before the first table, because it writes.
  if (fresh) database.exec("PRAGMA auto_vacuum = INCREMENTAL");
  const mode = database.prepare("PRAGMA journal_mode = WAL").get()?.["journal_mode"];
  if (mode !== "wal") {
    const message = `${shownFile(options)} is on a file system without locks`;
    throw new OperationalError("log_unavailable", message);
  }
  database.exec(`PRAGMA synchronous = ${options.sync === "full" ? "FULL" : "NORMAL"}`);
  // `files.ts` runs checkpoints, after verifying what they copy.
  database.exec("PRAGMA wal_autocheckpoint = 0");
  database.exec(`PRAGMA journal_size_limit = ${options.walPages * 4096}`);
  database.exec("PRAGMA cache_size = -16000");
  if (version < MIGRATIONS.length) migrate(database, version, options);
}

function verify(
  database: DatabaseSync,
  path: string,
  version: number,
  options: DatabaseOptions,
): void {
  if (pragma(database, "application_id") !== APPLICATION_ID) {
    throw corrupt(options, "belongs to another program");
  }
  if (version > MIGRATIONS.length) {
    const what = "was written by a newer version of the gateway, which you can run instead";
    throw corrupt(options, what);
  }
  if (options.again || statSync(path).size > MAX_CHECKED_BYTES) return;
  const found = database.prepare("PRAGMA quick_check(1)").get()?.["quick_check"];
  if (found !== "ok") throw corrupt(options, `is damaged (${String(found)})`);
}

function migrate(
  database: DatabaseSync,
  version: number,
  { epoch, sync }: DatabaseOptions,
): void {
  database.prepare("BEGIN IMMEDIATE").run();
  for (const step of MIGRATIONS.slice(version)) database.exec(step);
  if (version === 0) {
    database.prepare("INSERT INTO state VALUES (1, ?, 0, 0, ?, 0, 0)").run(epoch, sync);
    database.exec(`PRAGMA application_id = ${APPLICATION_ID}`);
  }
  database.exec(`PRAGMA user_version = ${MIGRATIONS.length}`);
  database.prepare("COMMIT").run();
}

function pragma(database: DatabaseSync, name: string): number {
  return Number(database.prepare(`PRAGMA ${name}`).get()?.[name]);
}

function isEmpty(database: DatabaseSync): boolean {
  return database.prepare("SELECT 1 FROM sqlite_master").get() === undefined;
}

function resultOf(error: Error): number | undefined {
  const code: unknown = Reflect.get(error, "errcode");
  return typeof code === "number" ? code & 0xff : undefined;
}

/** Explains an error while opening to the operator. */
function explain(error: unknown, options: DatabaseOptions): unknown {
  const directory = options.again ? undefined : options.directory;
  if (!isFault(error) || !(error instanceof Error)) return error;
  switch (resultOf(error)) {
    case Result.Busy: {
      const place = directory === undefined ? "" : ` ${directory}`;
      const message = `another process has the data directory${place}: only one gateway can`;
      return new OperationalError("log_locked", message, { cause: error });
    }
    case Result.Corrupt:
    case Result.NotADatabase:
    case undefined:
      if (/disk is full|disk I\/O/.test(error.message)) return unavailable(error, directory);
      return corrupt(options, `is damaged or no database (${error.message})`, error);
    default:
      return unavailable(error, directory);
  }
}

function corrupt(options: DatabaseOptions, what: string, cause?: unknown): OperationalError {
  const advice = "move it and its -wal file away to start with an empty log, or restore a backup";
  return new OperationalError("log_corrupt", `${shownFile(options)} ${what}: ${advice}`, { cause });
}
