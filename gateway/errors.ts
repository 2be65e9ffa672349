/**
 * Operational failures, each with a stable `code`: a disk, a broker or an option, not a peer and not a bug.
 * A peer's fault is a value; a bug is any other error.
 *
 * @module
 */

/** Failures of a request; `http/problem.ts` gives each its HTTP status. */
export type RequestFailureCode =
  /** The log cannot be written or read now: full or read-only disk, broker away. */
  | "log_unavailable"
  /** More publishes are waiting than the log keeps up with. */
  | "log_overloaded"
  /** A publish is longer than the log takes at once. */
  | "publish_too_large"
  /** The log was closed, because the process is ending. */
  | "log_closed"
  /** The file of the log is damaged, of another program or of a newer version. */
  | "log_corrupt"
  /** The same Idempotency-Key came with another body. */
  | "idempotency_key_reused";

/** Failures of a start; `log_corrupt` can end one too. */
export type StartFailureCode =
  /** Another process has the data directory. */
  | "log_locked"
  /** An option, a file it names, or a port cannot be used. */
  | "bad_configuration";

/** Stable codes of operational failures. */
export type FailureCode =
  | RequestFailureCode
  | StartFailureCode
  /** The key set of the issuer cannot be fetched and none is cached; ends an Identify with 1011. */
  | "issuer_unreachable";

/** An operational failure. `message` is for people, `code` for programs, `cause` for the log. */
export class OperationalError extends Error {
  /** The stable code of the failure. */
  readonly code: FailureCode;

  /** A failure with its stable `code`, and `message` as one line for people. */
  constructor(code: FailureCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "OperationalError";
    this.code = code;
  }
}
