/**
 * Writes the generated parts of the documents, from the tables in code that they describe.
 *
 *     deno task docs            writes them
 *     deno task docs --check    exits with 1 and names what is stale, and writes nothing
 *
 * A part stands between `<!-- generated:name -->` and `<!-- /generated -->`; all else is written by
 * hand and stays as it is.
 *
 * @module
 */

import { acceptedValues, defaultValue, envName } from "../gateway/config/option_types.ts";
import { OPTION_GROUPS } from "../gateway/config/options.ts";
import { type MetricInfo, METRICS } from "../gateway/metrics/table.ts";
import { type ProblemInfo, PROBLEMS } from "../gateway/http/problem.ts";
import {
  CLOSE_ADVICE,
  CLOSE_WHEN,
  CloseCode,
  type CloseCodeInfo,
  type CloseCodeName,
  Op,
  OP_INFO,
  type OpName,
} from "../gateway/protocol/codes.ts";
import type { Phase } from "../gateway/protocol/session_types.ts";
import { type Transition, TRANSITIONS, type Trigger } from "../tests/protocol/transitions.ts";
import { CHAOS_FAULTS } from "../mock/chaos/chaos.ts";
import { CLIENT_RULES } from "../mock/chaos/client_rules.ts";
import { TRANSCRIPT_EVENTS } from "../mock/gateway/transcript.ts";
import { RULE_ACTIONS } from "../mock/gateway/rule.ts";
import { CHECKS } from "../certify/checks/mod.ts";
import { TOKEN_FAULTS } from "../mock/issuer.ts";
import { FAULT_NAMES, faultInfo, RULES } from "../simulation/mod.ts";
import { BUGS } from "../tests/simulation/bugs.ts";
import { LAYERS } from "../tests/tidy/layers.ts";
import { exampleRows, faultRows, readCertifyTable } from "./certify_rows.ts";
import { HELP } from "./simulate.ts";

/** The examples for npm's test runners, which `deno task matrix` runs. */
const MATRIX = "tests/matrix/project";

/** The parts that each document must have, by name. */
const DOCUMENTS: Readonly<Record<string, Readonly<Record<string, () => string>>>> = {
  "CONTRIBUTING.md": { "rooms": rooms },
  "docs/protocol.md": {
    "opcodes": opcodes,
    "close-codes": closeCodes,
    "state-diagram": stateDiagram,
    "transitions": transitions,
  },
  "docs/certify.md": {
    "certify-checks": certifyChecks,
    "certify-examples": certifyExamples,
    "certify-faults": certifyFaults,
  },
  "docs/http.md": { "problems": problems },
  "docs/reference.md": { "metrics": metrics, "options": options },
  "docs/simulation.md": { "help": help, "faults": faults, "rules": rules, "bugs": bugs },
  "docs/testing-clients.md": {
    "rule-actions": () => namedTable(["Action", "Effect"], RULE_ACTIONS),
    "chaos-faults": () => namedTable(["Fault", "Effect"], CHAOS_FAULTS),
    "transcript-events": () => namedTable(["Event", "Meaning"], TRANSCRIPT_EVENTS),
    "client-rules": () => table(["Rule", "Meaning"], Object.entries(CLIENT_RULES)),
    "token-faults": () => namedTable(["Fault", "The token"], TOKEN_FAULTS),
    "example-python": () => excerpt("examples/client_test.py", "python", "test_reconnects"),
    "recording-python": () =>
      excerpt("examples/two_clocks_test.py", "python", "def passes_a_recording"),
    "two-clocks-python": () => excerpt("examples/two_clocks_test.py", "python", "def move"),
  },
  "docs/testing-in-process.md": {
    "example-jest": () => excerpt(`${MATRIX}/example.test.cjs`, "js", "my app gets a new token"),
    "example-playwright": () => excerpt(`${MATRIX}/mock.spec.mjs`, "js", "my app comes back"),
    "example-vitest": () => excerpt(`${MATRIX}/example.test.mjs`, "js", "my app shows"),
    "example-typescript": () => excerpt("examples/client_test.ts", "ts", "my client reconnects"),
  },
};

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), `|${head.map(() => "---|").join("")}`, ...rows.map(line)].join("\n");
}

const code = (text: string | number) => `\`${text}\``;

function rooms(): string {
  const rows = LAYERS.map(({ name, paths, holds, imports }) => [
    name,
    paths.map(code).join(", "),
    holds,
    imports === "any" ? "anything but main" : imports.join(", ") || "nothing",
  ]);
  return table(["Room", "Path", "Holds", "May import"], rows);
}

function opcodes(): string {
  const rows = Object.entries(OP_INFO).map(([name, { sender, when }]) => [
    code(Op[name as OpName]),
    name,
    when === undefined ? sender : `${sender}, ${when}`,
  ]);
  return table(["`op`", "Name", "Sent by"], rows);
}

function closeCodes(): string {
  const rows = Object.entries(CLOSE_WHEN).map(([name, when]) => {
    const info: CloseCodeInfo = CloseCode[name as CloseCodeName];
    const step = CLOSE_ADVICE[name as CloseCodeName];
    const advice = step === undefined ? "" : `: ${step}`;
    return [code(info.code), name, when, `${info.reconnect ? "yes" : "no"}${advice}`];
  });
  return table(["Code", "Name", "When", "Reconnect with the same token"], rows);
}

/** A trigger without what its place says already: "Identify", "ACK deadline", "drained". */
function triggerName(trigger: Trigger): string {
  return trigger.split(": ")[1] ?? trigger;
}

function stateDiagram(): string {
  const edges = new Map<string, string[]>();
  for (const { from, on, to, closes } of TRANSITIONS) {
    for (const phase of from) {
      if (to === "same" || to === phase) continue;
      const labels = closes === undefined ? on.map(triggerName) : [String(CloseCode[closes].code)];
      const edge = `${phase} --> ${to}`;
      edges.set(edge, [...edges.get(edge) ?? [], ...labels]);
    }
  }
  const lines = [...edges].map(([edge, labels]) => {
    const distinct = [...new Set(labels)].sort((a, b) => Number(a) - Number(b) || 0);
    return `    ${edge} : ${distinct.join(", ")}`;
  });
  return [
    "```mermaid",
    "stateDiagram-v2",
    "    [*] --> new",
    ...lines,
    "    closed --> [*]",
    "```",
  ].join("\n");
}

const OPEN: readonly Phase[] = ["unidentified", "verifying", "locating", "ready"];

/** `next` is the row for ready sessions: the same as `row`, but it unsubscribes first. */
function isReadyTwin(row: Transition, next: Transition | undefined): boolean {
  return next !== undefined && next.on === row.on && next.closes === row.closes &&
    next.when === row.when && row.closes !== undefined && next.effects[0] === "unsubscribe";
}

function transitions(): string {
  const rows: string[][] = [];
  for (let i = 0; i < TRANSITIONS.length; i++) {
    const row = TRANSITIONS[i];
    if (row === undefined) break;
    const twin = isReadyTwin(row, TRANSITIONS[i + 1]);
    if (twin) i++;
    const from = twin ? [...row.from, "ready" as const] : row.from;
    const effects = [...(twin ? ["`unsubscribe` if ready"] : []), ...row.effects.map(code)];
    const closes = row.closes === undefined ? "" : `, with ${CloseCode[row.closes].code}`;
    rows.push([
      OPEN.every((phase) => from.includes(phase)) ? "any open" : from.join(", "),
      row.on.map(triggerLabel).join(", "),
      row.when ?? "",
      row.to === "same" ? "" : row.to,
      effects.join(", ") + closes,
    ]);
  }
  return table(["In", "Event", "If", "Next state", "Effects"], rows);
}

function triggerLabel(trigger: Trigger): string {
  const [event, kind] = trigger.split(": ");
  if (kind === undefined) return code(trigger);
  return event === "ticked" ? `deadline: ${kind}` : `frame: ${kind}`;
}

function options(): string {
  return Object.entries(OPTION_GROUPS).map(([name, group]) => {
    const rows = Object.entries(group).map(([key, option]) => {
      const preset = defaultValue(option);
      const shown = preset === "" ? "" : code(preset);
      return [code(envName(key)), acceptedValues(option), shown, option.doc];
    });
    return `### ${name}\n\n${table(["Option", "Accepts", "Default", "Meaning"], rows)}`;
  }).join("\n\n");
}

function problems(): string {
  const rows = Object.entries<ProblemInfo>(PROBLEMS)
    .sort(([one, a], [other, b]) => a.status - b.status || (one < other ? -1 : 1))
    .map(([name, { status, when }]) => [code(name), String(status), when]);
  return table(["code", "status", "when"], rows);
}

function metrics(): string {
  const rows = Object.entries<MetricInfo>(METRICS).map(([name, info]) => {
    const { type, help, labels = [], values = [] } = info;
    const known = values.length === 0 ? "" : `: ${values.map(code).join(", ")}`;
    return [code(name), type, labels.map(code).join(", ") + known, help];
  });
  return table(["Name", "Type", "Labels", "Meaning"], rows);
}

function namedTable(head: readonly string[], rows: Readonly<Record<string, string>>): string {
  return table(head, Object.entries(rows).map(([name, what]) => [code(name), what]));
}

function certifyChecks(): string {
  const rows = CHECKS.map(({ id, section, rule }) => [
    code(id),
    rule,
    `[${section}](protocol.md#${anchor(section)})`,
  ]);
  return table(["Check", "Rule", "Section"], rows);
}

function certifyExamples(): string {
  return table(["Client", "Passed", "Failed"], exampleRows(readCertifyTable()));
}

function certifyFaults(): string {
  const head = ["Fault", "Meant", "Failed", "Skipped", "Passed"];
  return table(head, faultRows(readCertifyTable()));
}

/** The anchor of a heading. */
function anchor(title: string): string {
  return title.toLowerCase().replace(/[^\w\- ]/g, "").replaceAll(" ", "-");
}

function help(): string {
  return `\`\`\`\n${HELP}\n\`\`\``;
}

function faults(): string {
  const rows = FAULT_NAMES.map((name) => {
    const { weight, everyHours, nodes, effect } = faultInfo(name);
    const ways = [
      ...weight === undefined ? [] : ["a client"],
      ...everyHours === undefined
        ? []
        : [`${nodes ? "a node" : "the world"}, every ${everyHours} h`],
    ];
    return [code(name), ways.join("; ") || "the world, always", effect];
  });
  return table(["Fault", "Of", "Effect"], rows);
}

function rules(): string {
  return table(["Rule", "Meaning"], Object.entries(RULES).map((row) => [...row]));
}

function bugs(): string {
  const rows = Object.entries(BUGS).map(([part, { nodes, bugs }]) => [
    part,
    String(nodes),
    bugs.map(({ name }) => name).join("; "),
  ]);
  return table(["Bugs of", "Nodes", "Bugs"], rows);
}

/** The paragraph of a file that begins with the line that contains `start`, as a code block. */
function excerpt(path: string, language: string, start: string): string {
  const text = Deno.readTextFileSync(new URL(`../${path}`, import.meta.url));
  const paragraph = text.split("\n\n").find((part) => part.split("\n", 1)[0]?.includes(start));
  if (paragraph === undefined) throw new DocumentError(`${path} has no paragraph ${start}`);
  const indent = /^ */.exec(paragraph)?.[0] ?? "";
  const lines = paragraph.split("\n").map((line) => line.replace(indent, "")).join("\n");
  return `\`\`\`${language}\n${lines.trimEnd()}\n\`\`\``;
}

/** A fault of a document that its generator cannot repair. */
export class DocumentError extends Error {}

/**
 * The text of a document with its generated parts as they should be.
 *
 * @throws {DocumentError} if a part is missing, unknown or not closed
 */
export function regenerate(path: string, text: string): string {
  const parts = new Map(Object.entries(DOCUMENTS[path] ?? {}));
  const written = text.replace(
    /<!-- generated:([\w-]+) -->\n(?:(?!<!-- generated:)[^])*?<!-- \/generated -->/g,
    (_, name: string) => {
      const render = parts.get(name);
      if (render === undefined) throw new DocumentError(`${path}: no part is called ${name}`);
      parts.delete(name);
      return `<!-- generated:${name} -->\n\n${render()}\n\n<!-- /generated -->`;
    },
  );
  const [missing] = parts.keys();
  if (missing !== undefined) throw new DocumentError(`${path}: the part ${missing} is missing`);
  return written;
}

/** The documents, read from `root`, that are not what they should be, with what they should be. */
export function staleDocuments(root: URL): ReadonlyMap<string, string> {
  const stale = new Map<string, string>();
  for (const path of Object.keys(DOCUMENTS)) {
    const text = Deno.readTextFileSync(new URL(path, root));
    const written = regenerate(path, text);
    if (written !== text) stale.set(path, written);
  }
  return stale;
}

function main(): void {
  const root = new URL("../", import.meta.url);
  const check = Deno.args.includes("--check");
  for (const [path, text] of staleDocuments(root)) {
    if (check) {
      console.error(`${path} is stale: run "deno task docs"`);
      Deno.exitCode = 1;
    } else {
      Deno.writeTextFileSync(new URL(path, root), text);
      console.log(`wrote ${path}`);
    }
  }
}

if (import.meta.main) main();
