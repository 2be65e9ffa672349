/**
 * The text of `--help`, from the table of options.
 *
 * @module
 */

import {
  acceptedValues,
  defaultValue,
  flagName,
  type Option,
  OPTION_GROUPS,
} from "./option_types.ts";
import { OPTIONS } from "./options.ts";
import { VERSION } from "./version.ts";

/** The widest line of the help text, in characters. */
const MAX_COLUMNS = 90;

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
