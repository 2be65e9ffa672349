/**
 * Declares the collaborators that all parts of a simulated world share. Types only.
 *
 * @module
 */

import type { FakeClock } from "../mock/doubles/clock.ts";
import type { Checker } from "./checker.ts";
import type { Cluster } from "./cluster.ts";
import type { SimulatedDisk } from "./disk.ts";
import type { Network } from "./network.ts";
import type { Fault, Seams } from "./options.ts";
import type { GatewayProcess } from "./process.ts";
import type { Random } from "./random.ts";
import type { Timeline } from "./timeline.ts";
import type { Issuer } from "./verifier.ts";
import type { Report } from "./violation.ts";

export interface WorldDeps {
  readonly clock: FakeClock;
  /** The world's stream: fork it, do not draw from it. */
  readonly random: Random;
  readonly network: Network;
  readonly checker: Checker;
  readonly timeline: Timeline;
  readonly disk: SimulatedDisk;
  /** Undefined in a world of one node. */
  readonly cluster: Cluster | undefined;
  readonly issuer: Issuer;
  readonly users: readonly string[];
  readonly channels: readonly string[];
  /** Channels by user, as the app's backend has them. */
  readonly memberships: ReadonlyMap<string, Set<string>>;
  readonly allows: (fault: Fault) => boolean;
  /** A unique number, from 1. */
  readonly nextSerial: () => number;
  /** Counts an event for the summary. */
  readonly count: (what: string, by?: number) => void;
  /** A random running process. */
  readonly process: () => GatewayProcess | undefined;
  /** All running processes. */
  readonly processes: () => readonly GatewayProcess[];
  /** Ends a process abruptly and starts another after `downMs`. */
  readonly crash: (how: "reset" | "silent", downMs: number) => void;
  /** Drains a process over `spreadMs` and starts another. */
  readonly drain: (spreadMs: number) => void;
  /** Makes the log fail for `ms`. */
  readonly breakDisk: (ms: number) => void;
  /** Called when promises may settle. */
  readonly markDirty: () => void;
  /** Replaces the client library's options, for deliberate bugs. */
  readonly clientSeam: NonNullable<Seams["client"]>;
  /** Ends the world. */
  readonly report: Report;
  /** Called with uncaught errors. */
  readonly broke: (error: unknown) => void;
}
