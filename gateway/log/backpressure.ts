/**
 * A log that holds publishers up while the fan-out is behind: who publishes faster than the gateway can
 * deliver waits for the answer instead of filling its memory.
 *
 * @module
 */

import { OperationalError } from "../errors.ts";
import type { Message, MessageLog, Published } from "../ports.ts";

/** What publishers are held up by, and where their failures are counted. */
export interface BackpressureOptions {
  /** Resolves when the fan-out can take more. */
  readonly ready: () => Promise<void>;
  /** Called for each publish that the log could not keep. */
  readonly failed: () => void;
}

/** `log`, whose publishes wait for `ready` first. Everything else passes through. */
export function withBackpressure(
  log: MessageLog,
  { ready, failed }: BackpressureOptions,
): MessageLog {
  const paced = async <T>(publish: () => Promise<T>): Promise<T> => {
    await ready();
    try {
      return await publish();
    } catch (error) {
      // A key that is used twice is the publisher's fault, and the log is well.
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
    check: () => log.check(),
    close: () => log.close(),
  };
}
