/**
 * What a checker found wrong, in words.
 *
 * @module
 */

/** A broken rule. A world stops at its first. */
export class Violation extends Error {
  /** The rule, in a few words that stay the same. */
  readonly rule: string;
  /** The seed of the world. */
  readonly seed: string;
  /** Virtual milliseconds since the world began. */
  readonly atMs: number;
  /** The connection, by its number, where it concerns one. */
  readonly connection: number | undefined;
  /** What was expected and what happened. */
  readonly explanation: string;

  /** A rule that was broken at one place of one world. */
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

/** Reports a broken rule; does not return. */
export type Report = (rule: string, explanation: string, connection?: number) => never;
