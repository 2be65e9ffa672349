/**
 * Limits that all logs share, and the error for a reused idempotency key.
 *
 * @module
 */

import { OperationalError } from "../errors.ts";

const DAY_MS = 24 * 60 * 60 * 1000;

/** Default retention of messages, in milliseconds. */
export const DEFAULT_RETENTION_MS: number = DAY_MS;

/** Retention of an idempotency key (docs/http.md, "Idempotency"), in milliseconds. */
export const IDEMPOTENCY_MS: number = DAY_MS;

/** The error for an idempotency key that came with another body. */
export function keyReused(): OperationalError {
  const message = "this Idempotency-Key was used with another body";
  return new OperationalError("idempotency_key_reused", message);
}

/** The time for which revocations hold unless an option says otherwise. */
export const DEFAULT_REVOCATION_MS: number = 720 * 60 * 60 * 1000;
