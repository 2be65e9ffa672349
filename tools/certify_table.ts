/**
 * Judges the example clients, and the wrong client with each of its faults, by all checks, and writes
 * docs/certify.json, from which `deno task docs` makes the tables of docs/certify.md. Takes half an hour.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import type { Verdict } from "../certify/check.ts";
import { CHECKS } from "../certify/checks/mod.ts";
import { EXAMPLES } from "../tests/certify/examples.ts";
import { FAULTS } from "../tests/certify/faults.ts";
import { judgeCommand, sideBySide, wrongClient } from "../tests/certify/kit.ts";

/** Clients at the same time, and checks of each: most of them wait most of the time. */
const CLIENTS_AT_ONCE = 10;
const CHECKS_AT_ONCE = 6;

/** The ids of the checks that a client did not pass. */
export interface Row {
  readonly client: string;
  readonly passed: number;
  readonly failed: readonly string[];
  readonly skipped: readonly string[];
}

export interface CertifyTable {
  readonly checks: number;
  readonly examples: readonly Row[];
  readonly faults: readonly Row[];
}

function toRow(client: string, verdicts: readonly Verdict[]): Row {
  const ids = (result: Verdict["result"]) =>
    verdicts.filter((verdict) => verdict.result === result).map(({ check }) => check.id);
  return { client, passed: ids("pass").length, failed: ids("fail"), skipped: ids("skip") };
}

async function main(): Promise<void> {
  const rows = new Map<string, Row>();
  const add = (client: string, verdicts: readonly Verdict[]): void => {
    const row = toRow(client, verdicts);
    rows.set(client, row);
    console.log(client, row.passed, "failed:", row.failed.join(" "));
  };
  const options = { checks: CHECKS, atOnce: CHECKS_AT_ONCE };
  for (const { name, command, missing } of EXAMPLES) {
    if (missing !== undefined) throw new Error(`${name}: ${missing}`);
    add(name, await judgeCommand(await command(), options));
  }
  await sideBySide(Object.keys(FAULTS), CLIENTS_AT_ONCE, async (fault) => {
    add(fault, await judgeCommand(wrongClient(fault), options));
  });
  const table: CertifyTable = {
    checks: CHECKS.length,
    examples: EXAMPLES.flatMap(({ name }) => rows.get(name) ?? []),
    faults: Object.keys(FAULTS).flatMap((fault) => rows.get(fault) ?? []),
  };
  const path = fileURLToPath(new URL("../docs/certify.json", import.meta.url));
  await Deno.writeTextFile(path, `${JSON.stringify(table, null, 2)}\n`);
}

if (import.meta.main) {
  await main();
  Deno.exit();
}
