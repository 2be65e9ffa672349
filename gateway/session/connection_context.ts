/**
 * What all connections of a gateway share.
 *
 * Types only.
 *
 * @module
 */

import type { Hub, Member } from "../hub.ts";
import type { Metrics } from "../metrics.ts";
import type { Clock, Logger, MessageLog, TokenVerifier } from "../ports.ts";
import type { Reduce, SessionOptions } from "../protocol/mod.ts";
import type { LogThrottle } from "../log_throttle.ts";

/** The numbers that a connection works by. */
export interface ConnectionOptions extends SessionOptions {
  /** Longest frame that a client may send, in bytes. */
  readonly maxFrameBytes: number;
  /** Most bytes that may wait for a client to read them. */
  readonly maxBufferedBytes: number;
}

/** What every connection of a gateway works with. */
export interface ConnectionContext<C extends Member = Member> {
  /** Both scales of time, and timers. */
  readonly clock: Clock;
  /** Where it says what happens. */
  readonly logger: Logger;
  /** Where it counts. */
  readonly metrics: Metrics;
  /** Says of strangers' faults once what would otherwise fill the log. */
  readonly logThrottle: LogThrottle;
  /** Decides on tokens. */
  readonly verifier: TokenVerifier;
  /** Where missed messages are read. */
  readonly log: MessageLog;
  /** Who is ready. */
  readonly hub: Hub<C>;
  /** The numbers that it works by. */
  readonly options: ConnectionOptions;
  /** Told once of each connection, when its socket is gone. */
  readonly gone: (connection: C) => void;
  /** Another reducer than the protocol's, for tests that put a bug in. */
  readonly reduce?: Reduce;
}
