/**
 * Backpressure: publishers wait while the fan-out is behind, so that publishing faster than the gateway
 * delivers does not fill its memory.
 *
 * @module
 */

import { OperationalError } from "../errors.ts";
import type { Message, MessageLog, Published } from "../ports.ts";

export interface BackpressureOptions {
  /** Resolves when the fan-out's backlog is below its limit. */
  readonly whenBelowBacklogLimit: () => Promise<void>;
  /** Called for each publish that the log could not store. */
  readonly failed: () => void;
}

/** Returns `log` with publishes that wait for the fan-out first. */
export function withBackpressure(
  log: MessageLog,
  { whenBelowBacklogLimit, failed }: BackpressureOptions,
): MessageLog {
  const paced = async <T>(publish: () => Promise<T>): Promise<T> => {
    await whenBelowBacklogLimit();
    try {
      return await publish();
    } catch (error) {
      // A reused key is the publisher's fault; the log is healthy.
      if (!(error instanceof OperationalError && error.code === "idempotency_key_reused")) failed();
      throw error;
    }
  };
  return {
    publish: (drafts): Promise<readonly Message[]> => paced(() => log.publish(drafts)),
    publishOnce: (key, drafts): Promise<Published> => paced(() => log.publishOnce(key, drafts)),
    subscribe: (listener) => log.subscribe(listener),
    read: (query) => log.read(query),
    head: () => log.head(),
    position: () => log.position(),
    revocations: log.revocations,
    check: () => log.check(),
    close: () => log.close(),
  };
}
