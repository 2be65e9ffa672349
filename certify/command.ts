/**
 * The command `certify`: reads its arguments, judges a client, and reports.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { nearest } from "../gateway/config/nearest.ts";
import { OperationalError } from "../gateway/errors.ts";
import { toError } from "../gateway/util.ts";
import type { Clock } from "../gateway/ports.ts";
import { CHECKS } from "./checks/mod.ts";
import { judge } from "./judge.ts";
import { spawner } from "./process.ts";
import { toHtml } from "./report/html.ts";
import { toJson } from "./report/json.ts";
import { toJunit } from "./report/junit.ts";
import { count, summaryText, verdictText } from "./report/scorecard.ts";
import type { Check, Verdict } from "./check.ts";

export interface CertifyDeps {
  /** Real time. */
  readonly clock: Clock;
  /** Prints a line. */
  readonly print: (text: string) => void;
  readonly writeFile: (path: string, text: string) => Promise<void>;
  /** The same for all paths that lead to one file, which exists. */
  readonly fileId: (path: string) => Promise<string>;
}

const DEFAULT_AT_ONCE = 8;

const USAGE = `Usage:
  emagine-gateway certify [options] -- <command>

Judges a client of the gateway by what it does on the wire. <command> is started once for each check, with
GATEWAY_URL, GATEWAY_LOGIN_URL and GATEWAY_USER in its environment. See docs/certify.md.

Options:
  --only=<id>,…     run these checks only
  --require=<n>     exit with 0 if at least n checks pass; by default, none may fail
  --at-once=<n>     checks that run at the same time (default ${DEFAULT_AT_ONCE})
  --json=<file>     write the scorecard as JSON
  --junit=<file>    write it as JUnit XML
  --html=<file>     write it as a page with the frames of each failed check

Exit codes: 0 certified, 1 not certified, 2 the command or an argument cannot be used.`;

/** Each turns a scorecard into the text of a file. */
const REPORTS = { json: toJson, junit: toJunit, html: toHtml } as const;

type ReportName = keyof typeof REPORTS;

const REPORT_NAMES = ["json", "junit", "html"] as const satisfies readonly ReportName[];

interface Arguments {
  readonly checks: readonly Check[];
  readonly atOnce: number;
  readonly require: number | undefined;
  /** The path of each report that is wanted. */
  readonly reports: ReadonlyMap<ReportName, string>;
  readonly command: readonly [string, ...string[]];
}

/** @param args the arguments after `certify`. Returns the exit code. */
export async function runCertifyCommand(
  args: readonly string[],
  deps: CertifyDeps,
): Promise<0 | 1 | 2> {
  try {
    const end = args.indexOf("--");
    const own = end < 0 ? args : args.slice(0, end);
    if (own.includes("--help") || own.includes("-h")) {
      deps.print(USAGE);
      return 0;
    }
    return await run(readArguments(args), deps);
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    deps.print(`emagine-gateway: ${error.message}`);
    return 2;
  }
}

async function run(
  { checks, atOnce, command, reports, require }: Arguments,
  { clock, print, writeFile, fileId }: CertifyDeps,
): Promise<0 | 1> {
  const from = clock.steady();
  const client = command.join(" ");
  await writeReports(reports, () => "", writeFile);
  await tellApart(reports, fileId);
  print(`${checksText(checks)} of: ${client}\n`);
  const verdicts = await judge({
    ...{ checks, atOnce, clock },
    spawn: spawner(command, clock),
    judged: (verdict) => print(verdictText(verdict)),
  });
  const tookMs = clock.steady() - from;
  print(`\n${summaryText(verdicts, { tookMs, page: reports.get("html") })}`);
  await writeReports(reports, (name) => REPORTS[name](client, verdicts), writeFile);
  return isCertified(verdicts, require) ? 0 : 1;
}

/** Before the run, with no text: what cannot be written then is known at once. */
async function writeReports(
  reports: Arguments["reports"],
  text: (name: ReportName) => string,
  writeFile: CertifyDeps["writeFile"],
): Promise<void> {
  const failures: string[] = [];
  for (const [name, path] of reports) {
    try {
      await writeFile(path, text(name));
    } catch (error) {
      failures.push(`--${name}: cannot write ${path}: ${toError(error).message}`);
    }
  }
  if (failures.length > 0) throw failure(failures.join("\n"));
}

/** A second report would overwrite the first. */
async function tellApart(
  reports: Arguments["reports"],
  fileId: CertifyDeps["fileId"],
): Promise<void> {
  const names = new Map<string, ReportName>();
  for (const [name, path] of reports) {
    const id = await fileId(path);
    const other = names.get(id);
    if (other !== undefined) {
      throw failure(`--${name}: ${path} is the file of --${other}, ${reports.get(other)}`);
    }
    names.set(id, name);
  }
}

function isCertified(verdicts: readonly Verdict[], required: number | undefined): boolean {
  return required === undefined
    ? count(verdicts, "fail") === 0
    : count(verdicts, "pass") >= required;
}

function readArguments(args: readonly string[]): Arguments {
  const end = args.indexOf("--");
  const [program, ...rest] = end < 0 ? [] : args.slice(end + 1);
  if (program === undefined) throw failure(`expected a command after "--"\n\n${USAGE}`);
  const values = parseOptions(args.slice(0, end));
  const checks = selectChecks(values.only);
  const require = numberOf("require", values.require);
  if (require !== undefined && require > checks.length) {
    throw failure(`--require: ${require} is more than ${checksText(checks)}`);
  }
  return {
    checks,
    atOnce: numberOf("at-once", values["at-once"]) ?? DEFAULT_AT_ONCE,
    require,
    reports: readReports(values),
    command: [program, ...rest],
  };
}

function checksText({ length }: readonly Check[]): string {
  return length === 1 ? "1 check" : `${length} checks`;
}

function readReports(
  values: Readonly<Partial<Record<ReportName, string>>>,
): ReadonlyMap<ReportName, string> {
  const reports = new Map<ReportName, string>();
  for (const name of REPORT_NAMES) {
    const path = values[name];
    if (path === undefined) continue;
    if (path === "") throw failure(`--${name}: expected a file`);
    reports.set(name, path);
  }
  return reports;
}

function parseOptions(args: readonly string[]) {
  const type = "string" as const;
  const options = {
    ...{ only: { type }, require: { type }, "at-once": { type } },
    ...{ json: { type }, junit: { type }, html: { type } },
  };
  const flags = Object.keys(options).map((name) => `--${name}`);
  const given = args.flatMap((arg) => /^-[^=]*/.exec(arg) ?? []);
  const unknown = given.find((flag) => !flags.includes(flag));
  if (unknown !== undefined) {
    const meant = nearest(unknown, flags, "--");
    const hint = meant === undefined ? `\n\n${USAGE}` : `; did you mean ${meant}?`;
    throw failure(`${unknown} is not an option${hint}`);
  }
  try {
    return parseArgs({ args: [...args], options }).values;
  } catch (error) {
    throw failure(`${toError(error).message}\n\n${USAGE}`);
  }
}

function selectChecks(only: string | undefined): readonly Check[] {
  if (only === undefined) return CHECKS;
  const ids = CHECKS.map(({ id }) => id);
  return [...new Set(only.split(","))].map((id) => {
    const check = CHECKS.find((check) => check.id === id);
    if (check !== undefined) return check;
    const meant = nearest(id, ids);
    const hint = meant === undefined ? `there are ${ids.join(", ")}` : `did you mean ${meant}?`;
    throw failure(`--only: there is no check ${JSON.stringify(id)}; ${hint}`);
  });
}

function numberOf(name: string, value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  if (!/^[1-9]\d{0,3}$/.test(value)) throw failure(`--${name}: expected a number from 1 to 9999`);
  return Number(value);
}

function failure(message: string): OperationalError {
  return new OperationalError("bad_configuration", message);
}
