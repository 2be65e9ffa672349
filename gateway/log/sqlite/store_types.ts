/**
 * The interface between the SQLite log and the thread that has the file: plain data, so that it can cross to a
 * worker; and the store without a worker.
 *
 * @module
 */

import type { Revocation } from "../../ports.ts";
import type { SerializedError } from "./serialize_error.ts";

export interface StoreOptions {
  /** Created if it is missing. */
  readonly directory: string;
  /** `full` survives a power cut, `normal` only a crash of the process. */
  readonly sync: "full" | "normal";
  /** Age at which messages are removed, in milliseconds. */
  readonly retentionMs: number;
  /** Most bytes on disk, all files of the log together. */
  readonly retentionBytes: number;
  /** The epoch of a new file. */
  readonly epoch: string;
}

/** A revocation to store, and those that have ended and are to be removed: before this time, in Unix milliseconds. */
export interface RevokeRequest extends Revocation {
  readonly endedAt: number;
}

/** An instant on both scales of {@linkcode Clock}, in milliseconds. */
export interface Instant {
  /** Unix time, for message times; may jump. */
  readonly wall: number;
  /** Never goes back; for ages. */
  readonly steady: number;
}

export interface StoreState {
  /** The first part of every id in the file. */
  readonly epoch: string;
  /** The last stored sequence; 0 in a new file. */
  readonly head: number;
  /** Most rows of a group, unless a single publish has more. */
  readonly groupRows: number;
  /** Most bytes of a group, unless a single publish has more. */
  readonly groupBytes: number;
  readonly revocations: readonly Revocation[];
}

export interface NewRow {
  /** The audience (`topic.ts`). */
  readonly topic: string;
  /** JSON of `[author, content]`. */
  readonly body: string;
}

export interface Row extends NewRow {
  readonly sequence: number;
  /** Unix milliseconds. */
  readonly time: number;
}

export interface StampedRow extends Row {
  /** Time of storing, on the scale of `RetentionClock`. */
  readonly stamp: number;
}

/** One publish: its rows are stored all or none, with consecutive sequences. */
export interface AppendRequest {
  readonly rows: readonly NewRow[];
  /** The idempotency key. */
  readonly once: { readonly key: string; readonly digest: string } | undefined;
}

export type AppendOutcome =
  | {
    /** `repeated` if an earlier publish with the same key stored it. */
    readonly kind: "stored" | "repeated";
    /** The sequence of its first row. */
    readonly first: number;
    readonly count: number;
    /** Unix milliseconds. */
    readonly time: number;
  }
  | { readonly kind: "failed"; readonly failure: SerializedError };

export interface Appended {
  /** One for each request, in order. */
  readonly outcomes: readonly AppendOutcome[];
  /** True if the file has reached its limit, so that `prune` is due. */
  readonly full: boolean;
}

export interface ReadRequest {
  /** Exclusive; `undefined` reads from the oldest stored row. */
  readonly after: number | undefined;
  /** Inclusive. */
  readonly through: number;
  /** Each once. */
  readonly topics: readonly string[];
  /** Most rows. */
  readonly limit: number;
  /** Most bytes of JSON, but always one row if there is one. */
  readonly maxBytes: number;
}

/** `expired` if a row after `after` is no longer stored. */
export type ReadResult =
  | { readonly rows: readonly Row[]; readonly more: boolean }
  | "expired";

/** The store in the thread that has the file. Every failure is an `OperationalError`. */
export interface SyncStore {
  /** Opens the file, and creates it if it is missing. */
  open(): StoreState;
  /** Stores a group of publishes with one sync. */
  append(requests: readonly AppendRequest[], now: Instant): Appended;
  read(request: ReadRequest): ReadResult;
  revoke(request: RevokeRequest, now: Instant): void;
  /** Does a bounded part of what retention demands; returns whether there is more. */
  prune(now: Instant): boolean;
  /** Writes a little, and throws if it cannot. */
  check(now: Instant): void;
  close(): void;
}

/** The same, asynchronous: calls run in order, one at a time. */
export type Store = {
  readonly [Method in keyof SyncStore]: (
    ...args: Parameters<SyncStore[Method]>
  ) => Promise<ReturnType<SyncStore[Method]>>;
};

/** A message to the worker. */
export type StoreCall = {
  [Method in keyof SyncStore]: {
    readonly method: Method;
    readonly args: Parameters<SyncStore[Method]>;
  };
}[keyof SyncStore];

/** A message from the worker; answers come in the order of calls. */
export type StoreAnswer =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly failure: SerializedError };

/** Runs `store` in the caller's thread. */
export function inOwnThread(store: SyncStore): Store {
  return {
    // Async functions, so that an exception becomes a rejection, as with a worker.
    // deno-lint-ignore require-await
    open: async () => store.open(),
    // deno-lint-ignore require-await
    append: async (requests, now) => store.append(requests, now),
    // deno-lint-ignore require-await
    read: async (request) => store.read(request),
    // deno-lint-ignore require-await
    revoke: async (request, now) => store.revoke(request, now),
    // deno-lint-ignore require-await
    prune: async (now) => store.prune(now),
    // deno-lint-ignore require-await
    check: async (now) => store.check(now),
    // deno-lint-ignore require-await
    close: async () => store.close(),
  };
}
