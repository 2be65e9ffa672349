/**
 * The types of the mock gateway's interface.
 *
 * @module
 */

import type { AdmissionOptions } from "../../gateway/admission.ts";
import type { Logger } from "../../gateway/ports.ts";
import type { Phase } from "../../gateway/protocol/mod.ts";
import type { ConnectionOptions } from "../../gateway/session/connection_context.ts";
import type { Faults } from "./faults.ts";

/** Options of {@linkcode createMockGateway}. Defaults are those of the gateway, except where stated. */
export interface MockGatewayOptions {
  /** Unix milliseconds at which time begins. Default: that of fake timers if they are on, or 1,700,000,000,000. */
  readonly startMs?: number;
  /** Settings of the protocol, such as `heartbeatIntervalMs`. */
  readonly connection?: Partial<ConnectionOptions>;
  /** Limits on connections. The rate of new ones is unlimited by default. */
  readonly limits?: Partial<AdmissionOptions>;
  /** The time for which messages are stored, in milliseconds. */
  readonly retentionMs?: number;
  /** The longest message that can be published, in bytes of its JSON. */
  readonly maxMessageBytes?: number;
  /** The key of the backend's routes. Default: `dev`. */
  readonly publishKey?: string;
  /** Receives the gateway's log lines. Default: a {@linkcode FakeLogger}. */
  readonly logger?: Logger;
}

/** An open connection. */
export interface MockConnection {
  /** `c1`, `c2`… in the order in which they opened. */
  readonly id: string;
  /** The client's IP address. */
  readonly address: string;
  /** The phase of its session. */
  readonly phase: Phase;
  /** The user of a ready session. */
  readonly user: string | undefined;
  /** The faults that are set on it. */
  readonly faults: Faults;
  /** True if it is half-open: no bytes pass in either direction. */
  readonly frozen: boolean;
}

/** The ids of the connections that were affected; `"unknown"` if the target is not open. */
export type Affected = readonly string[] | "unknown";
