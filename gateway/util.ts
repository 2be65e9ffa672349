/**
 * Helpers that every room of the gateway uses. No state of their own, no I/O.
 *
 * @module
 */

import type { Clock, MessageLog, Timer } from "./ports.ts";

/** `value` itself if it is an `Error`; anything else that was thrown becomes the message of one. */
export function toError(value: unknown): Error {
  return value instanceof Error ? value : new Error(String(value));
}

/** Resolves after `ms` milliseconds of steady time. */
export function delay(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => void clock.setTimer(ms, resolve));
}

/** Settles as `work` does, or rejects with `late()` after `ms` milliseconds; `work` is not stopped. */
export async function withTimeout<T>(
  work: Promise<T>,
  { clock, ms, late }: { readonly clock: Clock; readonly ms: number; readonly late: () => Error },
): Promise<T> {
  // Not Promise.withResolvers(): Node 20, which runs the mock gateway, lacks it.
  let timer: Timer | undefined;
  const expired = new Promise<never>((_, reject) => {
    timer = clock.setTimer(ms, () => reject(late()));
  });
  try {
    return await Promise.race([work, expired]);
  } finally {
    timer?.cancel();
  }
}

/** A log that is `log`, except for the methods that are given. */
export function overrideLog(log: MessageLog, methods: Partial<MessageLog>): MessageLog {
  return {
    publish: (drafts) => log.publish(drafts),
    publishOnce: (key, drafts) => log.publishOnce(key, drafts),
    subscribe: (listener) => log.subscribe(listener),
    read: (query) => log.read(query),
    head: () => log.head(),
    position: () => log.position(),
    revocations: log.revocations,
    check: () => log.check(),
    close: () => log.close(),
    ...methods,
  };
}

/** Callers that wait to be released, in the order in which they came. */
export class Waiters {
  #resolvers: (() => void)[] = [];

  wait(): Promise<void> {
    return new Promise((resolve) => this.#resolvers.push(resolve));
  }

  /** Releases the first; returns whether there was one. */
  releaseFirst(): boolean {
    const resolve = this.#resolvers.shift();
    resolve?.();
    return resolve !== undefined;
  }

  releaseAll(): void {
    const resolvers = this.#resolvers;
    this.#resolvers = [];
    for (const resolve of resolvers) resolve();
  }
}
