/**
 * The text of `--help`, from the table of options.
 *
 * @module
 */

import {
  acceptedValues,
  defaultValue,
  envName,
  flagName,
  type OptionTable,
} from "./option_types.ts";
import { OPTION_GROUPS } from "./options.ts";
import { VERSION } from "./version.ts";

/** The widest line of the help text, in characters. */
const MAX_COLUMNS = 90;

export function helpText(): string {
  return [
    `E-Magine Gateway ${VERSION}, a realtime WebSocket gateway`,
    "",
    "Usage: emagine-gateway [--mock] [--option=value ...]",
    "       emagine-gateway token check -|<token>     whether a token is accepted, and why not",
    "       emagine-gateway token new --user <name>   a token signed with GATEWAY_JWT_SECRET",
    "       emagine-gateway certify -- <command>      judge a client by the protocol",
    "",
    "Every option is a flag and an environment variable; the flag wins. An empty variable is",
    "ignored. Pass secrets in the environment: flags are visible to every user of the machine.",
    "",
    "      --mock       run as a test server for clients, with virtual time",
    "  -h, --help       print this and exit",
    "  -v, --version    print the version and exit",
    ...Object.entries(OPTION_GROUPS).flatMap((
      [name, group],
    ) => ["", `${name}:`, ...groupLines(group)]),
    "",
  ].join("\n");
}

function groupLines(group: OptionTable): readonly string[] {
  return Object.entries(group).flatMap(([key, option]) => {
    const preset = defaultValue(option);
    const accepted = `Accepts ${acceptedValues(option)}`;
    return [
      "",
      `  --${flagName(key)}, ${envName(key)}`,
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
