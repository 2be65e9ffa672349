/**
 * The scorecard as JSON.
 *
 * @module
 */

import type { Result, Verdict } from "../check.ts";
import { count } from "./scorecard.ts";

export interface Scorecard {
  /** The command line of the client. */
  readonly client: string;
  /** The number of checks that it passed. */
  readonly score: number;
  readonly checks: readonly {
    readonly id: string;
    /** A heading of docs/protocol.md. */
    readonly section: string;
    readonly result: Result;
    /** The reason, if it is not a pass. */
    readonly detail: string;
  }[];
}

export function toJson(client: string, verdicts: readonly Verdict[]): string {
  const scorecard: Scorecard = {
    client,
    score: count(verdicts, "pass"),
    checks: verdicts.map(({ check: { id, section }, result, detail }) => (
      { id, section, result, detail }
    )),
  };
  return `${JSON.stringify(scorecard, null, 2)}\n`;
}
