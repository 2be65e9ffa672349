/**
 * Describes a broken rule.
 *
 * @module
 */

/** A broken rule. A world stops at its first. */
export class Violation extends Error {
  /** Stable short name. */
  readonly rule: string;
  readonly seed: string;
  /** Virtual milliseconds since the start. */
  readonly atMs: number;
  /** Number of the connection concerned, if any. */
  readonly connection: number | undefined;
  /** Expected and actual behaviour. */
  readonly explanation: string;

  constructor(
    parts: {
      readonly rule: string;
      readonly seed: string;
      readonly atMs: number;
      readonly connection: number | undefined;
      readonly explanation: string;
    },
  ) {
    const { rule, seed, atMs, connection, explanation } = parts;
    const where = connection === undefined ? "" : `, connection ${connection}`;
    super(`${rule}: ${explanation} (seed ${seed}, ${atMs} ms${where})`);
    this.name = "Violation";
    this.rule = rule;
    this.seed = seed;
    this.atMs = atMs;
    this.connection = connection;
    this.explanation = explanation;
  }
}

/** Throws a {@linkcode Violation}. */
export type Report = (rule: string, explanation: string, connection?: number) => never;
