/**
 * What the inhabitants of a simulated world share.
 *
 * Types only.
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

/** The world, as those see it who live in it. */
export interface WorldDeps {
  readonly clock: FakeClock;
  /** The world's own stream: to be forked, not drawn from. */
  readonly random: Random;
  readonly network: Network;
  readonly checker: Checker;
  readonly timeline: Timeline;
  readonly disk: SimulatedDisk;
  /** What many nodes share. */
  readonly cluster: Cluster | undefined;
  readonly issuer: Issuer;
  /** Every user of the app. */
  readonly users: readonly string[];
  /** Every channel of the app. */
  readonly channels: readonly string[];
  /** The channels of each user, as the app's backend has them. */
  readonly memberships: ReadonlyMap<string, Set<string>>;
  /** Whether a fault is on. */
  readonly allows: (fault: Fault) => boolean;
  /** A number that nobody had before, from 1. */
  readonly nextSerial: () => number;
  /** Counts that something happened, for the summary. */
  readonly count: (what: string, by?: number) => void;
  /** A process whose gateway runs, if there is one; any of many. */
  readonly process: () => GatewayProcess | undefined;
  /** Every process whose gateway runs. */
  readonly processes: () => readonly GatewayProcess[];
  /** Ends a process without notice, and starts another after `downMs`. */
  readonly crash: (how: "reset" | "silent", downMs: number) => void;
  /** Drains a process over `spreadMs`, and starts another. */
  readonly drain: (spreadMs: number) => void;
  /** The log fails for so long. */
  readonly breakDisk: (ms: number) => void;
  /** Called when promises may settle. */
  readonly markDirty: () => void;
  /** What a test puts into the client library's way. */
  readonly clientSeam: NonNullable<Seams["client"]>;
  /** A rule is broken: ends the world. */
  readonly report: Report;
  /** Called with what was thrown where nobody catches. */
  readonly broke: (error: unknown) => void;
}
