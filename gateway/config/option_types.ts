/**
 * The types of a row in the table of options.
 *
 * @module
 */

/** A unit that a number is in. */
export type OptionUnit = "ms" | "hours" | "bytes";

/** What every row has. */
export interface DescribedOption {
  /** The environment variable. */
  readonly env: `GATEWAY_${string}`;
  /** What it is for, in plain sentences for operators; Markdown code spans allowed. */
  readonly doc: string;
  /** The heading under which help and documentation list it. */
  readonly group: OptionGroup;
}

/** The headings of help and documentation, in order. */
export const OPTION_GROUPS = [
  "Listening",
  "Tokens and keys",
  "Sessions",
  "Limits",
  "Messages",
  "NATS",
  "Logging",
] as const;

/** One of {@linkcode OPTION_GROUPS}. */
export type OptionGroup = (typeof OPTION_GROUPS)[number];

/** A whole number, `min` and `max` included. */
export interface IntegerOption extends DescribedOption {
  /** What tells this kind of row from others. */
  readonly type: "integer";
  /** The least that is accepted. */
  readonly min: number;
  /** The most that is accepted. */
  readonly max: number;
  /** What it is unless set; one without is not set unless the operator sets it. */
  readonly default?: number;
  /** The unit of all four numbers; a plain count without. */
  readonly unit?: OptionUnit;
}
/** One word of `choices`. */
export interface EnumOption extends DescribedOption {
  /** What tells this kind of row from others. */
  readonly type: "enum";
  /** The words that are accepted. */
  readonly choices: readonly string[];
  /** What it is unless set. */
  readonly default: string;
}
/** Web origins or NATS servers, separated by commas. */
export interface ListOption extends DescribedOption {
  /** What tells this kind of row from others. */
  readonly type: "origins" | "servers";
  /** What it is unless set. */
  readonly default: readonly string[];
}
/** Text of some form; one without a default is not set unless the operator sets it. */
export interface TextOption extends DescribedOption {
  /** `secret` is never printed, `path` names a file or directory, `url` is an absolute http(s) URL, `word` a name in NATS. */
  readonly type: "string" | "host" | "path" | "url" | "secret" | "word";
  /** What it is unless set. */
  readonly default?: string;
}

/** A row of the table. */
export type Option = IntegerOption | EnumOption | ListOption | TextOption;
