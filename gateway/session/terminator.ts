/**
 * Terminates a connection; retries with backoff while the runtime cannot.
 *
 * @module
 */

import type { Metrics } from "../metrics/metrics.ts";
import type { Clock, Socket, Timer } from "../ports.ts";

/** Longest wait between two attempts. */
const MAX_RETRY_MS = 60_000;

export interface TerminatorDeps {
  readonly clock: Clock;
  readonly metrics: Metrics;
  /** Milliseconds until the first retry; each later wait is twice as long. */
  readonly retryMs: number;
}

export class Terminator {
  readonly #socket: Socket;
  readonly #deps: TerminatorDeps;
  #retryMs: number;
  #retry: Timer | undefined;
  #lingers = false;

  /** Makes the first attempt. */
  constructor(socket: Socket, deps: TerminatorDeps) {
    this.#socket = socket;
    this.#deps = deps;
    this.#retryMs = deps.retryMs;
    this.#try();
  }

  /** Stops retrying: the socket is gone. */
  closed(): void {
    this.#retry?.cancel();
    if (this.#lingers) this.#deps.metrics.lingering(-1);
    this.#lingers = false;
  }

  #try(): void {
    if (this.#socket.terminate()) return;
    if (!this.#lingers) this.#deps.metrics.lingering(1);
    this.#lingers = true;
    this.#retry = this.#deps.clock.setTimer(this.#retryMs, () => this.#try());
    this.#retryMs = Math.min(this.#retryMs * 2, MAX_RETRY_MS);
  }
}
