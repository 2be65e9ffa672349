/**
 * How a log is doing: what `check()` says, and what the operator reads of it.
 *
 * A log that fails does so on every publish; it is written about when it begins, and when it is over.
 *
 * @module
 */

import { type FailureCode, OperationalError } from "../errors.ts";
import type { Clock, Logger } from "../ports.ts";
import { toError, withTimeout } from "../util.ts";

/** How long the outcome of a check stands: half of the second within which a failure is to be seen. */
const CHECK_INTERVAL_MS = 500;
/** What the log itself fails with; everything else is of a publisher, or the end. */
const FAILURES: ReadonlySet<FailureCode> = new Set(["log_unavailable", "log_corrupt"]);
/** A disk that takes longer is none to wait for. */
const CHECK_TIMEOUT_MS = 5000;

/** The health of one log. */
export class LogHealth {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #probe: () => Promise<void>;
  readonly #timeoutMs: number;
  /** The probe under way: however long it takes, there is no second one. */
  #probing: Promise<void> | undefined;
  #failing = false;
  #checkedAt = -Infinity;
  #checked: Promise<void> = Promise.resolve();

  /**
   * Nothing is known of the log yet; `probe` tries whether it can be written, and a check waits for it
   * `timeoutMs` at most.
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

  /** The log could not do what was asked of it. A publisher's fault does not count. */
  failed(error: unknown): void {
    const before = this.#failing;
    this.#note(error);
    // What a check found before it has nothing to say any more.
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

  /** The log did something that it can only do while it is well. */
  worked(): void {
    if (this.#failing) this.#logger.info("the log can be used again");
    this.#failing = false;
  }

  /** Tries whether the log can be written, unless that was tried just now. */
  check(): Promise<void> {
    const at = this.#clock.steady();
    if (at - this.#checkedAt >= CHECK_INTERVAL_MS) {
      this.#checkedAt = at;
      this.#checked = this.#try();
    }
    return this.#checked;
  }

  /** The outcome of the probe under way, or of a new one. */
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
