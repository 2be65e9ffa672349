/**
 * The types of checks and verdicts.
 *
 * @module
 */

import type { Setting } from "./setting.ts";
import type { Stage } from "./stage.ts";
import type { WireEvent } from "./wire.ts";

/** One rule of the protocol, and how to see that a client follows it. */
export interface Check {
  readonly id: string;
  /** A heading of docs/protocol.md. */
  readonly section: string;
  /** The rule, as a sentence about the client. */
  readonly rule: string;
  /** For the author of a client that fails it. */
  readonly hint: string;
  /** Seconds of real time that even a correct client needs, where these are many. */
  readonly realS?: number;
  readonly setting?: Setting;
  /** Resolves if the client follows the rule; else throws {@linkcode Failed} or {@linkcode Skipped}. */
  readonly run: (stage: Stage) => Promise<void>;
}

export type Result = "pass" | "fail" | "skip";

export interface Verdict {
  readonly check: Check;
  readonly result: Result;
  /** The reason, if it is not a pass. */
  readonly detail: string;
  readonly tookMs: number;
  /** All that happened, for a report. */
  readonly events: readonly WireEvent[];
}
