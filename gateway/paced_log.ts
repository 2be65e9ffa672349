/**
 * A log that holds publishers up while the fan-out is behind: who publishes faster than the gateway can
 * deliver waits for the answer instead of filling its memory.
 *
 * @module
 */

import type { Message, MessageLog, Published } from "./ports.ts";

/** `log`, whose publishes wait for `ready` first. Everything else passes through. */
export function pacedLog(log: MessageLog, ready: () => Promise<void>): MessageLog {
  return {
    publish: async (drafts): Promise<readonly Message[]> => {
      await ready();
      return await log.publish(drafts);
    },
    publishOnce: async (key, drafts): Promise<Published> => {
      await ready();
      return await log.publishOnce(key, drafts);
    },
    subscribe: (listener) => log.subscribe(listener),
    read: (query) => log.read(query),
    head: () => log.head(),
    check: () => log.check(),
    close: () => log.close(),
  };
}
