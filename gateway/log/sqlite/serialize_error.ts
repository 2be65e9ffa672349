/**
 * Serializes errors so they can cross from the worker thread.
 *
 * @module
 */

import { type FailureCode, OperationalError } from "../../errors.ts";
import { toError } from "../../util.ts";

export interface SerializedError {
  /** `undefined` for a bug. */
  readonly code: FailureCode | undefined;
  readonly message: string;
  /** The cause as text; for a bug, its stack. */
  readonly cause: string | undefined;
}

export function serializeError(error: unknown): SerializedError {
  const { message, stack } = toError(error);
  if (!(error instanceof OperationalError)) return { code: undefined, message, cause: stack };
  const cause = error.cause === undefined ? undefined : String(error.cause);
  return { code: error.code, message, cause };
}

export function deserializeError({ code, message, cause }: SerializedError): Error {
  const options = cause === undefined ? {} : { cause };
  return code === undefined
    ? new Error(message, options)
    : new OperationalError(code, message, options);
}
