/**
 * Operational failures: what goes wrong outside the gateway's own code and outside a peer's frames.
 *
 * Each has a stable `code`; how one is answered over HTTP is decided in one table
 * (`http/problem.ts`). A peer's fault is a value and no error; a bug is any other error.
 *
 * @module
 */

/** Stable codes of operational failures. */
export type FailureCode =
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
  /** Another process has the data directory. */
  | "log_locked"
  /** The same Idempotency-Key came with another body. */
  | "idempotency_key_reused"
  /** The key set of the issuer cannot be fetched and none is cached. */
  | "issuer_unreachable"
  /** An option, a file it names, or a port cannot be used. */
  | "bad_configuration";

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
