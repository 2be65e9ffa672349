/**
 * A row of the table of options: its types, and its values in words for help, errors and documents.
 *
 * @module
 */

export type OptionUnit = "ms" | "hours" | "bytes";

interface DescribedOption {
  /** Its meaning, in sentences for operators; Markdown code spans allowed. */
  readonly doc: string;
}

/** A whole number, `min` and `max` included. */
export interface IntegerOption extends DescribedOption {
  readonly type: "integer";
  readonly min: number;
  readonly max: number;
  /** Without one, `undefined` unless set. */
  readonly default?: number;
  /** The unit of all four numbers; a plain count without. */
  readonly unit?: OptionUnit;
}

export interface EnumOption extends DescribedOption {
  readonly type: "enum";
  readonly choices: readonly string[];
  readonly default: string;
}
/** Web origins or NATS servers, separated by commas. */
export interface ListOption extends DescribedOption {
  readonly type: "origins" | "servers";
  readonly default: readonly string[];
}
/** Text of some form; without a default, `undefined` unless set. */
export interface TextOption extends DescribedOption {
  /** `secret` is never printed, `path` names a file or directory, `url` is an absolute http(s) URL, `word` a name in NATS. */
  readonly type: "string" | "host" | "path" | "url" | "secret" | "word";
  readonly default?: string;
}

/** A row of the table. */
export type Option = IntegerOption | EnumOption | ListOption | TextOption;

/** Options by the key under which the configuration has them. */
export type OptionTable = Readonly<Record<string, Option>>;

type OptionValue<O extends Option> = O extends IntegerOption
  ? O extends { readonly default: number } ? number : number | undefined
  : O extends EnumOption ? O["choices"][number]
  : O extends ListOption ? readonly string[]
  : O extends { readonly default: string } ? string
  : string | undefined;

/** The values of the options of a table, by key. */
export type ValuesOf<Table extends OptionTable> = {
  readonly [K in keyof Table]: OptionValue<Table[K]>;
};

/** The flag of an option: its key in kebab case, such as `--tls-cert`. */
export function flagName(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** The variable of an option, such as `GATEWAY_TLS_CERT`. */
export function envName(key: string): string {
  return `GATEWAY_${flagName(key).replaceAll("-", "_").toUpperCase()}`;
}

/** The accepted values in words. */
export function acceptedValues(option: Option): string {
  switch (option.type) {
    case "integer":
      return `${option.min} to ${option.max}${option.unit === undefined ? "" : ` ${option.unit}`}`;
    case "enum":
      return option.choices.join(", ");
    case "origins":
      return "origins such as https://app.example.com or https://*.example.com";
    case "servers":
      return "URLs such as nats://10.0.0.1:4222 or tls://nats.example.com";
    case "word":
      return "1 to 64 letters, digits, _ and -";
    case "host":
      return "an IP address or a host name";
    case "path":
      return "a path";
    case "url":
      return "an http or https URL";
    case "secret":
    case "string":
      return "text";
  }
}

/** The default in words; empty if there is none. */
export function defaultValue(option: Option): string {
  if (option.type === "origins" || option.type === "servers") return option.default.join(",");
  return String(option.default ?? "");
}
