/**
 * The worker thread of the SQLite log: runs the calls of `worker_client.ts` in order, one at a time.
 *
 * Nothing imports it; `deno compile` needs its path with `--include`.
 *
 * @module
 */

/// <reference no-default-lib="true" />
/// <reference lib="deno.worker" />

import { serializeError } from "./serialize_error.ts";
import { SqliteStore } from "./store.ts";
import type { StoreAnswer, StoreCall } from "./store_types.ts";

declare const self: DedicatedWorkerGlobalScope;

self.onmessage = ({ data: options }): void => {
  const store = new SqliteStore(options);
  self.onmessage = ({ data: call }): void => self.postMessage(answer(store, call));
};

function answer(store: SqliteStore, call: StoreCall): StoreAnswer {
  try {
    return { ok: true, value: perform(store, call) };
  } catch (error) {
    return { ok: false, failure: serializeError(error) };
  }
}

function perform(store: SqliteStore, call: StoreCall): unknown {
  switch (call.method) {
    case "open":
      return store.open();
    case "append":
      return store.append(...call.args);
    case "read":
      return store.read(...call.args);
    case "revoke":
      return store.revoke(...call.args);
    case "prune":
      return store.prune(...call.args);
    case "check":
      return store.check(...call.args);
    case "close":
      return store.close();
  }
}
