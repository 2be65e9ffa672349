/**
 * The store in a worker thread: sends calls to `worker.ts`, and matches answers by order.
 *
 * A commit waits for the disk. With 64 publishers and one message a publish (`bench/log_thread.ts`, two cores under
 * other load, three runs), the gateway's event loop was late by 27 to 363 ms (p99) with the file in its own thread,
 * and by 2 to 7 ms with a worker, which also stored 3 to 26 times as many messages a second, because publishes
 * gather into groups. With a hundred messages a publish it was 60 to 221 ms against 3 to 9 ms.
 *
 * @module
 */

import { OperationalError } from "../../errors.ts";
import { deserializeError } from "./serialize_error.ts";
import type { Store, StoreAnswer, StoreOptions, SyncStore } from "./store_types.ts";

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** Starts the worker; `close()` terminates it. */
export function inWorker(options: StoreOptions): Store {
  const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
  const waiting: Waiting[] = [];
  let failed: Error | undefined;
  worker.onmessage = ({ data }: MessageEvent<StoreAnswer>): void => {
    const call = waiting.shift();
    if (data.ok) call?.resolve(data.value);
    else call?.reject(deserializeError(data.failure));
  };
  worker.onerror = (event): void => {
    // The worker answers all exceptions of its calls, so it has ended, and only a restart helps.
    event.preventDefault();
    const message = "the thread of the log has ended: restart the gateway";
    failed = new OperationalError("log_unavailable", message, { cause: event.message });
    for (const { reject } of waiting.splice(0)) reject(failed);
  };
  worker.postMessage(options);

  function call<Method extends keyof SyncStore>(
    method: Method,
    ...args: Parameters<SyncStore[Method]>
  ): Promise<ReturnType<SyncStore[Method]>> {
    return new Promise((resolve, reject) => {
      if (failed !== undefined) return reject(failed);
      // The worker answers with the result of this method.
      waiting.push({ resolve: resolve as Waiting["resolve"], reject });
      worker.postMessage({ method, args });
    });
  }

  return {
    open: () => call("open"),
    append: (requests, now) => call("append", requests, now),
    read: (request) => call("read", request),
    revoke: (request, now) => call("revoke", request, now),
    prune: (now) => call("prune", now),
    check: (now) => call("check", now),
    close: () => {
      const closed = call("close").finally(() => worker.terminate());
      failed ??= new OperationalError("log_closed", "the log is closed");
      return closed;
    },
  };
}
