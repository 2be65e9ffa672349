/**
 * The health of a log: the result of `check()`, and log lines when the log fails and when it recovers.
 *
 * @module
 */

import { type FailureCode, OperationalError } from "../errors.ts";
import type { Clock, Logger } from "../ports.ts";
import { toError, withTimeout } from "../util.ts";

/** Validity of a check's result: half of the second in which a failure must show. */
const CHECK_INTERVAL_MS = 500;
/** Failures of the log itself; other codes are a publisher's fault, or the log was closed. */
const FAILURES: ReadonlySet<FailureCode> = new Set(["log_unavailable", "log_corrupt"]);
/** A check that takes longer counts as failed. */
const CHECK_TIMEOUT_MS = 5000;

export class LogHealth {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #probe: () => Promise<void>;
  readonly #timeoutMs: number;
  /** The running probe: there is never a second one. */
  #probing: Promise<void> | undefined;
  #failing = false;
  #checkedAt = -Infinity;
  #checked: Promise<void> = Promise.resolve();

  /**
   * @param probe rejects if the log cannot be written
   * @param timeoutMs after which a check that still waits for `probe` fails; 5 s if not given
   */
  constructor(
    { clock, logger, timeoutMs = CHECK_TIMEOUT_MS }: {
      readonly clock: Clock;
      readonly logger: Logger;
      readonly timeoutMs?: number;
    },
    probe: () => Promise<void>,
  ) {
    this.#clock = clock;
    this.#logger = logger;
    this.#probe = probe;
    this.#timeoutMs = timeoutMs;
  }

  /** Reports a failed operation. Errors that are a publisher's fault do not count. */
  failed(error: unknown): void {
    const before = this.#failing;
    this.#note(error);
    // The result of an earlier check is outdated.
    if (this.#failing && !before) this.#checkedAt = -Infinity;
  }

  #note(error: unknown): void {
    if (error instanceof OperationalError && !FAILURES.has(error.code)) return;
    if (!(error instanceof OperationalError)) {
      return this.#logger.error("a bug in the log", { error: toError(error) });
    }
    if (!this.#failing) this.#logger.error("the log cannot be used", { error });
    this.#failing = true;
  }

  /** Reports an operation that proves the log healthy. */
  worked(): void {
    if (this.#failing) this.#logger.info("the log can be used again");
    this.#failing = false;
  }

  /** Rejects if the log cannot be written. Probes at most every 500 ms. */
  check(): Promise<void> {
    const at = this.#clock.steady();
    if (at - this.#checkedAt >= CHECK_INTERVAL_MS) {
      this.#checkedAt = at;
      this.#checked = this.#try();
    }
    return this.#checked;
  }

  /** Joins the running probe, or starts one. */
  #probed(): Promise<void> {
    return this.#probing ??= this.#probe().finally(() => {
      this.#probing = undefined;
    });
  }

  async #try(): Promise<void> {
    const late = (): Error => new OperationalError("log_unavailable", "the log does not answer");
    try {
      await withTimeout(this.#probed(), { clock: this.#clock, ms: this.#timeoutMs, late });
      this.worked();
    } catch (error) {
      this.#note(error);
      throw error;
    }
  }
}
