/**
 * Checks durations, because JavaScript adds `"5"` to a time as a text.
 *
 * @module
 */

/** @throws {RangeError} unless `ms` is a number from 0 to `Infinity` */
export function checkDuration(call: string, ms: number): void {
  if (typeof ms === "number" && ms >= 0) return;
  const received = typeof ms === "string" ? JSON.stringify(ms) : String(ms);
  throw new RangeError(`${call}: expected milliseconds, a number from 0, received ${received}`);
}
