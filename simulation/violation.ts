/**
 * Describes a broken rule.
 *
 * @module
 */

import type { Rule } from "./rules.ts";

export interface BrokenRule {
  readonly rule: Rule;
  readonly seed: string;
  /** Virtual milliseconds since the start. */
  readonly atMs: number;
  /** Number of the connection concerned, if any. */
  readonly connection: number | undefined;
  /** Expected and actual behaviour. */
  readonly explanation: string;
}

/** A world stops at its first. */
export class Violation extends Error {
  override readonly name = "Violation";
  readonly broken: BrokenRule;

  constructor(broken: BrokenRule) {
    const { rule, seed, atMs, connection, explanation } = broken;
    const where = connection === undefined ? "" : `, connection ${connection}`;
    super(`${rule}: ${explanation} (seed ${seed}, ${atMs} ms${where})`);
    this.broken = broken;
  }
}

/** Throws a {@linkcode Violation}. */
export type Report = (rule: Rule, explanation: string, connection?: number) => never;
