/**
 * Waiting: every wait of the conformance suite is here. It has a limit that no healthy gateway comes near, and
 * the error names what was awaited.
 *
 * Nothing here judges how long something took.
 *
 * @module
 */

/** The limit, in milliseconds. */
export const LIMIT_MS = 20_000;

/** The pause between two polls of {@linkcode eventually}, in milliseconds. */
const REST_MS = 20;

export interface WaitOptions {
  /** Default: {@linkcode LIMIT_MS}. */
  readonly limitMs?: number;
}

/** Awaits `promise`, or rejects after `limitMs` with what was awaited. */
export async function within<T>(
  what: string,
  promise: Promise<T>,
  { limitMs = LIMIT_MS }: WaitOptions = {},
): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const overdue = new Promise<never>((_, reject) => {
    const error = new Error(`waited ${limitMs} ms in vain for ${what}`);
    timer = setTimeout(() => reject(error), limitMs);
  });
  try {
    return await Promise.race([promise, overdue]);
  } finally {
    clearTimeout(timer);
  }
}

/** Polls until `look` returns something other than `undefined`, and returns that. */
export async function eventually<T>(
  what: string,
  look: () => Promise<T | undefined>,
  { limitMs = LIMIT_MS }: WaitOptions = {},
): Promise<T> {
  const until = performance.now() + limitMs;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > until) throw new Error(`waited ${limitMs} ms in vain for ${what}`);
    await pause(REST_MS);
  }
}

/** Lets `ms` milliseconds pass, to space what a test sends. Never use it to wait for an effect. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
