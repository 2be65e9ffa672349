/**
 * Ends a connection without its peer, and keeps trying where the runtime cannot.
 *
 * @module
 */

import type { Metrics } from "../metrics.ts";
import type { Clock, Socket, Timer } from "../ports.ts";

/** The longest wait between two tries, in milliseconds. */
const LAST_RETRY_MS = 60_000;

/** What terminating works with. */
export interface TerminatorDeps {
  /** For the waits. */
  readonly clock: Clock;
  /** Where sockets that linger are counted. */
  readonly metrics: Metrics;
  /** How long to wait after the first try, in milliseconds; each later wait is twice as long. */
  readonly retryMs: number;
}

/** Terminates one socket. */
export class Terminator {
  readonly #socket: Socket;
  readonly #deps: TerminatorDeps;
  #retryMs: number;
  #retry: Timer | undefined;
  #lingers = false;

  /** Tries at once. */
  constructor(socket: Socket, deps: TerminatorDeps) {
    this.#socket = socket;
    this.#deps = deps;
    this.#retryMs = deps.retryMs;
    this.#try();
  }

  /** The socket is gone. */
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
    this.#retryMs = Math.min(this.#retryMs * 2, LAST_RETRY_MS);
  }
}
