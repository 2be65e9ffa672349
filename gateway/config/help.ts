/**
 * The text of `--help`, from the table of options; and the words in which help and documentation give
 * what an option accepts and what it is unless set.
 *
 * Text only: nothing is printed here.
 *
 * @module
 */

import { flagName, type Option, OPTION_GROUPS, OPTIONS } from "./options.ts";
import { VERSION } from "./version.ts";

/** The widest line of the help text, in characters. */
const MAX_COLUMNS = 90;

/** What values an option accepts, in words. */
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

/** The value of an option that is not set, in words; empty if it has none. */
export function defaultValue(option: Option): string {
  if (option.type === "origins" || option.type === "servers") return option.default.join(",");
  return String(option.default ?? "");
}

/** What `--help` prints. */
export function helpText(): string {
  return [
    `E-Magine Gateway ${VERSION}, a realtime WebSocket gateway`,
    "",
    "Usage: emagine-gateway [--mock] [--option=value ...]",
    "",
    "Every option is a flag and an environment variable; the flag wins. An empty variable is",
    "ignored. Pass secrets in the environment: flags are visible to every user of the machine.",
    "",
    "      --mock       run as a test server for clients, with virtual time",
    "  -h, --help       print this and exit",
    "  -v, --version    print the version and exit",
    ...OPTION_GROUPS.flatMap((group) => ["", `${group}:`, ...groupLines(group)]),
    "",
  ].join("\n");
}

function groupLines(group: string): readonly string[] {
  const rows = Object.entries<Option>(OPTIONS).filter(([, option]) => option.group === group);
  return rows.flatMap(([key, option]) => {
    const preset = defaultValue(option);
    const accepted = `Accepts ${acceptedValues(option)}`;
    return [
      "",
      `  --${flagName(key)}, ${option.env}`,
      ...wrapped(option.doc.replaceAll("`", "")),
      ...wrapped(`${accepted}; ${preset === "" ? "not set" : preset} by default.`),
    ];
  });
}

/** Breaks text between words and indents each line. */
function wrapped(text: string): readonly string[] {
  const indent = " ".repeat(6);
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && indent.length + line.length + 1 + word.length > MAX_COLUMNS) {
      lines.push(indent + line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, indent + line];
}
