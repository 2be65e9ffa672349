/**
 * Declares the collaborators that all parts of a simulated world share. Types only.
 *
 * @module
 */

import type { Fault } from "./faults.ts";
import type { ProcessWorld } from "./process.ts";
import type { Processes } from "./processes.ts";

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
