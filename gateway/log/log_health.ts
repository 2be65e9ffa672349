/**
 * How a log is doing: what `check()` says, and what the operator reads of it.
 *
 * A log that fails does so on every publish; it is written about when it begins, and when it is over.
 *
 * @module
 */

import { OperationalError } from "../errors.ts";
import type { Clock, Logger } from "../ports.ts";

/** How long the outcome of a check stands. */
const CHECK_INTERVAL_MS = 1000;
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
    if (error instanceof OperationalError && error.code !== "log_unavailable") return;
    if (!(error instanceof OperationalError)) {
      const bug = error instanceof Error ? error : new Error(String(error));
      return this.#logger.error("a bug in the log", { error: bug });
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
    const { promise, reject } = Promise.withResolvers<never>();
    const timer = this.#clock.setTimer(this.#timeoutMs, () => {
      reject(new OperationalError("log_unavailable", "the log does not answer"));
    });
    try {
      await Promise.race([this.#probed(), promise]);
      this.worked();
    } catch (error) {
      this.failed(error);
      throw error;
    } finally {
      timer.cancel();
    }
  }
}
