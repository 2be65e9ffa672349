/**
 * Errors as data, for the way from the thread that holds the file.
 *
 * @module
 */

import { type FailureCode, OperationalError } from "../../errors.ts";
import { toError } from "../../util.ts";

/** An error, as data. */
export interface SerializedError {
  /** Of an {@linkcode OperationalError}; `undefined` says that it is a bug. */
  readonly code: FailureCode | undefined;
  /** One line for people. */
  readonly message: string;
  /** What lies behind it, in words; of a bug, where it happened. */
  readonly cause: string | undefined;
}

/** Writes an error down. */
export function serializeError(error: unknown): SerializedError {
  const { message, stack } = toError(error);
  if (!(error instanceof OperationalError)) return { code: undefined, message, cause: stack };
  const cause = error.cause === undefined ? undefined : String(error.cause);
  return { code: error.code, message, cause };
}

/** The error that was written down. */
export function deserializeError({ code, message, cause }: SerializedError): Error {
  const options = cause === undefined ? {} : { cause };
  return code === undefined
    ? new Error(message, options)
    : new OperationalError(code, message, options);
}
