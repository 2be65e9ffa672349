/**
 * Parses the text of one option by its row in the table. No message has the value of a secret, nor the user,
 * the password or the query of a URL.
 *
 * @module
 */

import { isIP } from "node:net";
import { configError, type GivenText, quoted } from "./given.ts";
import { acceptedValues, type Option } from "./option_types.ts";
import { redactUrl } from "../redact_url.ts";

/** Stands for the `*` of an origin while the rest is parsed as a URL. */
const LABEL = "any-label";

/** Patterns that no free text has on purpose. */
const MISTAKES: readonly (readonly [RegExp, string])[] = [
  [/^[\s\p{Cc}\p{Cf}]+$/u, "is blank"],
  [/^[\r\n]/, "begins with a line break"],
  [/[\r\n]$/, "ends with a line break"],
  [/^\s/, "begins with whitespace"],
  [/\s$/, "ends with whitespace"],
  [/^[\p{Cc}\p{Cf}]/u, "begins with an invisible character"],
  [/[\p{Cc}\p{Cf}]$/u, "ends with an invisible character"],
  [/[\r\n]/, "contains a line break"],
  [/\p{Cc}/u, "contains a control character"],
  [
    /^(?:".*"|'.*'|`.*`|“.*”|‘.*’)$/,
    "is in quotes, which would become part of the value; remove them",
  ],
];
/** The same for paths alone. */
const PATH_MISTAKES: readonly (readonly [RegExp, string])[] = [
  [/-----BEGIN/, "is PEM text, expected the path of a file"],
  [/^~/, "begins with ~, which only a shell expands; give the whole path"],
  [/^\$/, "begins with $, which only a shell expands; give the whole path"],
];

/**
 * The value of a text.
 *
 * @throws {OperationalError} `bad_configuration`
 */
export function parseValue(
  option: Option,
  { name, text }: GivenText,
): number | string | readonly string[] {
  const refuse = (): never => {
    throw configError(name, `is ${quoted(redactUrl(text))}, expected ${expected(option)}`);
  };
  const list = (parse: (item: string) => string | undefined) =>
    text.split(",").map((part) => {
      const item = part.trim();
      checkText(option, { name, text: item });
      return parse(item) ?? refuse();
    });
  switch (option.type) {
    case "integer": {
      const value = /^\d{1,16}$/.test(text) ? Number(text) : NaN;
      return value >= option.min && value <= option.max ? value : refuse();
    }
    case "enum":
      return option.choices.includes(text) ? text : refuse();
    case "origins":
      return list(parseOrigin);
    case "servers":
      return list(parseServer);
    case "word":
      return /^[A-Za-z0-9_-]{1,64}$/.test(text) ? text : refuse();
    case "host":
      return isIP(text) !== 0 || /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/i.test(text) ? text : refuse();
    case "url": {
      checkText(option, { name, text });
      const url = URL.parse(text);
      if (url === null || !/^https?:$/.test(url.protocol)) return refuse();
      if (url.username + url.password === "") return url.href;
      throw configError(name, "contains a user or password, which would not be sent");
    }
    case "path":
    case "string":
    case "secret":
      checkText(option, { name, text });
      return text;
  }
}

/**
 * Refuses a free text that can only be a mistake. Where the form of a value is fixed, as that of a number is,
 * a blank or a quote does not fit it.
 */
function checkText(option: Option, { name, text }: GivenText): void {
  const mistakes = option.type === "path" ? [...MISTAKES, ...PATH_MISTAKES] : MISTAKES;
  const found = mistakes.find(([pattern]) => pattern.test(text));
  if (found !== undefined) throw configError(name, found[1]);
}

function expected(option: Option): string {
  const accepted = acceptedValues(option);
  if (option.type === "integer") return `a whole number, ${accepted}`;
  return option.type === "enum" ? `one of ${accepted}` : accepted;
}

/**
 * An origin in the form in which browsers send it, and in lower case. A `*` may stand for the first label of
 * the host (http/handshake.ts), and for nothing else.
 */
function parseOrigin(text: string): string | undefined {
  if (text === "null") return text;
  const plain = text.replace(/^([a-z][a-z0-9+.-]*:\/\/)\*\.(?=[^.])/i, `$1${LABEL}.`);
  if (!/^[a-z][a-z0-9+.-]*:\/\/[^/?#@*\s]+$/i.test(plain)) return undefined;
  const url = URL.parse(plain);
  if (url === null) return undefined;
  // Apps in a web view have schemes of their own, whose origin the URL parser calls "null".
  const origin = url.origin === "null" ? plain.toLowerCase() : url.origin;
  return plain === text ? origin : origin.replace(LABEL, "*");
}

/** A server of NATS, without credentials: those have options, which are never logged. */
function parseServer(text: string): string | undefined {
  const url = URL.parse(text);
  if (url === null || !/^(?:nats|tls):\/\/[^/?#@\s]+$/.test(text)) return undefined;
  return url.href;
}
