/**
 * How long the logs keep things unless they are told otherwise; all in milliseconds.
 *
 * @module
 */

const DAY_MS = 24 * 60 * 60 * 1000;

/** How long messages are kept. */
export const DEFAULT_RETENTION_MS: number = DAY_MS;

/** How long an idempotency key is remembered (docs/http.md, "Idempotency"). */
export const IDEMPOTENCY_MS: number = DAY_MS;
