/**
 * What the SQLite log asks of the thread that holds the file: plain data in, plain data out, so that it
 * can cross to a worker.
 *
 * Types, and the store in the caller's own thread. The SQL is in `sqlite_store.ts`, the way to a worker in `worker_store.ts`.
 *
 * @module
 */

import type { SerializedError } from "./serialize_error.ts";

/** How a store is opened. */
export interface StoreOptions {
  /** Where the file is; made if it is missing. */
  readonly directory: string;
  /** `full` survives a power cut, `normal` the end of the process only. */
  readonly sync: "full" | "normal";
  /** How long messages are stored, in milliseconds. */
  readonly retentionMs: number;
  /** Most bytes on disk, all files of the log together. */
  readonly retentionBytes: number;
  /** The epoch that a new file gets. */
  readonly epoch: string;
}

/** An instant, on both clocks of the process. */
export interface Instant {
  /** Unix milliseconds: what messages show. Set ahead and back by people and by NTP. */
  readonly wall: number;
  /** Milliseconds that only grow, at their true pace: what ages are measured by. */
  readonly steady: number;
}

/** What is in a store that was opened. */
export interface StoreState {
  /** Made with the file; the first part of every id in it. */
  readonly epoch: string;
  /** The last sequence that was stored, 0 in a new file. */
  readonly head: number;
  /** Most rows that belong into one group. One publish is never divided. */
  readonly groupRows: number;
  /** Most bytes that belong into one group. */
  readonly groupBytes: number;
}

/** A message on its way into the store. */
export interface NewRow {
  /** Whom it is for (`topic.ts`). */
  readonly topic: string;
  /** JSON of `[author, content]`. */
  readonly body: string;
}

/** A message in the store. */
export interface Row extends NewRow {
  /** Its place in the log. */
  readonly sequence: number;
  /** Unix milliseconds. */
  readonly time: number;
}

/** A message as it is written. */
export interface StampedRow extends Row {
  /** When it was stored, on the scale of `retention_clock.ts`. */
  readonly stamp: number;
}

/** One publish: its rows are stored all or none, next to each other. */
export interface AppendRequest {
  /** In order. */
  readonly rows: readonly NewRow[];
  /** The idempotency key, if it has one. */
  readonly once: { readonly key: string; readonly digest: string } | undefined;
}

/** What became of one publish. */
export type AppendOutcome =
  | {
    /** `kept` now, or `repeated`: stored when its key came first. */
    readonly kind: "stored" | "repeated";
    /** The sequence of its first row. */
    readonly first: number;
    /** How many rows it has. */
    readonly count: number;
    /** Unix milliseconds. */
    readonly time: number;
  }
  | { readonly kind: "failed"; readonly failure: SerializedError };

/** What became of a group of publishes. */
export interface Appended {
  /** One for each request, in order. */
  readonly outcomes: readonly AppendOutcome[];
  /** Whether the file has reached the size at which something has to go, so that `prune` is due. */
  readonly full: boolean;
}

/** A read of what is in some topics. */
export interface ReadRequest {
  /** From after this sequence; `undefined` from the oldest that is stored. */
  readonly after: number | undefined;
  /** Up to and including this sequence. */
  readonly through: number;
  /** Each once. */
  readonly topics: readonly string[];
  /** Most rows. */
  readonly limit: number;
  /** Most bytes of JSON, but always one row if there is one. */
  readonly maxBytes: number;
}

/** What a read found; `expired` when rows after `after` are no longer stored. */
export type ReadResult =
  | { readonly rows: readonly Row[]; readonly more: boolean }
  | "expired";

/** The thread that holds the file, as it is called there. All failures are `OperationalError`s. */
export interface SyncStore {
  /** Opens the file, or makes it. */
  open(): StoreState;
  /** Keeps a group of publishes with one sync. */
  append(requests: readonly AppendRequest[], now: Instant): Appended;
  /** Reads a page, in order. */
  read(request: ReadRequest): ReadResult;
  /** Does a bounded part of what retention asks for. Returns whether there is more to do. */
  prune(now: Instant): boolean;
  /** Writes a little, to see whether it can. */
  check(now: Instant): void;
  /** Closes the file. */
  close(): void;
}

/** The same from another thread, or as if: calls are carried out in order, one at a time. */
export type Store = {
  readonly [Method in keyof SyncStore]: (
    ...args: Parameters<SyncStore[Method]>
  ) => Promise<ReturnType<SyncStore[Method]>>;
};

/** A call on its way to the worker. */
export type StoreCall = {
  [Method in keyof SyncStore]: {
    readonly method: Method;
    readonly args: Parameters<SyncStore[Method]>;
  };
}[keyof SyncStore];

/** Its answer. */
export type StoreAnswer =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly failure: SerializedError };

/** `store` in the thread of the caller. */
export function inOwnThread(store: SyncStore): Store {
  return {
    // Async functions, so that what is thrown becomes a rejection as it does with a worker.
    // deno-lint-ignore require-await
    open: async () => store.open(),
    // deno-lint-ignore require-await
    append: async (requests, now) => store.append(requests, now),
    // deno-lint-ignore require-await
    read: async (request) => store.read(request),
    // deno-lint-ignore require-await
    prune: async (now) => store.prune(now),
    // deno-lint-ignore require-await
    check: async (now) => store.check(now),
    // deno-lint-ignore require-await
    close: async () => store.close(),
  };
}
