/**
 * Waiting: every wait of the conformance suite goes through here, has a limit that no healthy gateway
 * comes near, and says what was awaited when the limit passes.
 *
 * Nothing here judges how long something took.
 *
 * @module
 */

/** How long anything may take before the suite gives it up, in milliseconds. */
export const LIMIT_MS = 20_000;

/** How long {@linkcode eventually} rests between two looks, in milliseconds. */
const REST_MS = 20;

export interface WaitOptions {
  /** Default: {@linkcode LIMIT_MS}. */
  readonly limitMs?: number;
}

/** Awaits `promise`, or fails with what was awaited after `limitMs`. */
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

/** Looks again and again until `look` gives something else than `undefined`, and returns that. */
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

/** Lets `ms` milliseconds pass. For spacing what a test sends, never for hoping that something is done. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
