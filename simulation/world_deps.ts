/**
 * Declares the collaborators that all parts of a simulated world share. Types only.
 *
 * @module
 */

import type { FakeClock } from "../mock/doubles/clock.ts";
import type { Checker } from "./checker.ts";
import type { Cluster } from "./cluster.ts";
import type { SimulatedDisk } from "./disk.ts";
import type { Fault } from "./faults.ts";
import type { Network } from "./network.ts";
import type { Seams } from "./options.ts";
import type { Processes } from "./processes.ts";
import type { Random } from "./random.ts";
import type { Timeline } from "./timeline.ts";
import type { Issuer } from "./verifier.ts";
import type { Report } from "./violation.ts";

/** All that a gateway's process needs, too. */
export interface ProcessWorld {
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
  readonly seams: Seams;
  /** Called when promises may settle. */
  readonly markDirty: () => void;
  /** Ends the world. */
  readonly report: Report;
  /** Called with uncaught errors. */
  readonly broke: (error: unknown) => void;
}

export interface WorldDeps extends ProcessWorld {
  readonly processes: Processes;
  readonly users: readonly string[];
  readonly channels: readonly string[];
  /** Channels by user, as the app's backend has them. */
  readonly memberships: ReadonlyMap<string, Set<string>>;
  readonly allows: (fault: Fault) => boolean;
  /** A unique number, from 1. */
  readonly nextSerial: () => number;
  /** Makes the log fail for `ms`. */
  readonly breakLog: (ms: number) => void;
  /** Counts an event for the summary. */
  readonly count: (what: string, by?: number) => void;
}
