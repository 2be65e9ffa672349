/**
 * Types of what all connections of a gateway share.
 *
 * @module
 */

import type { Hub, Member } from "../hub/hub.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { Clock, Logger, MessageLog, TokenVerifier } from "../ports.ts";
import type { Reduce, SessionOptions } from "../protocol/mod.ts";
import type { LogThrottle } from "../log_throttle.ts";

/** The numbers of a connection: those of its session, and limits of the shell. */
export interface ConnectionOptions extends SessionOptions {
  /** Largest frame that a client may send, in bytes. */
  readonly maxFrameBytes: number;
  /** Most bytes that may be unsent to a client. */
  readonly maxBufferedBytes: number;
}

export interface ConnectionContext<C extends Member = Member> {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Rate-limits log lines that an unauthenticated client could repeat at will. */
  readonly logThrottle: LogThrottle;
  readonly verifier: TokenVerifier;
  readonly log: MessageLog;
  readonly hub: Hub<C>;
  readonly options: ConnectionOptions;
  /** Called after each Ready, once the connection is registered with the hub. */
  readonly ready: (user: string) => void;
  /** Called once for each connection, when its socket is gone. */
  readonly gone: (connection: C) => void;
  /** Replaces the protocol's reducer in tests that inject a bug. */
  readonly reduce?: Reduce;
}
