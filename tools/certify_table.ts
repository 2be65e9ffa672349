/**
 * Judges the example clients, and the wrong client with each of its faults, by all checks, and writes
 * docs/certify.json, from which `deno task docs` makes the tables of docs/certify.md.
 *
 *     deno task certify:table              all of them, in a quarter of an hour
 *     deno task certify:table client.py    these only; the other rows stay as they are
 *
 * @module
 */

import type { Verdict } from "../certify/check.ts";
import { CHECKS } from "../certify/checks/mod.ts";
import { exitOnSignals } from "../certify/process.ts";
import { EXAMPLES } from "../tests/certify/examples.ts";
import { FAULTS } from "../tests/certify/faults.ts";
import { judgeCommand, sideBySide, wrongClient } from "../tests/certify/kit.ts";
import type { CertifyTable, Row } from "./certify_rows.ts";

/** Clients at the same time, and checks of each: most of them wait most of the time. */
const CLIENTS_AT_ONCE = 9;
const CHECKS_AT_ONCE = 6;

const PATH = new URL("../docs/certify.json", import.meta.url);

function toRow(client: string, verdicts: readonly Verdict[]): Row {
  const ids = (result: Verdict["result"]) =>
    verdicts.filter((verdict) => verdict.result === result).map(({ check }) => check.id);
  return { client, passed: ids("pass").length, failed: ids("fail"), skipped: ids("skip") };
}

async function readRows(): Promise<Map<string, Row>> {
  try {
    const table: CertifyTable = JSON.parse(await Deno.readTextFile(PATH));
    return new Map([...table.examples, ...table.faults].map((row) => [row.client, row]));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return new Map();
    throw error;
  }
}

async function main(names: readonly string[]): Promise<void> {
  const rows = await readRows();
  const isWanted = (name: string) => names.length === 0 || names.includes(name);
  const run = async (name: string, command: readonly [string, ...string[]]): Promise<void> => {
    const row = toRow(
      name,
      await judgeCommand(command, { checks: CHECKS, atOnce: CHECKS_AT_ONCE }),
    );
    rows.set(name, row);
    console.log(`${name}: ${row.passed} passed, failed: ${row.failed.join(" ") || "none"}`);
  };
  const work: (() => Promise<void>)[] = [];
  for (const { name, command, missing } of EXAMPLES.filter(({ name }) => isWanted(name))) {
    if (missing !== undefined) throw new Error(`${name}: ${missing}`);
    work.push(async () => await run(name, await command()));
  }
  for (const fault of Object.keys(FAULTS).filter(isWanted)) {
    work.push(() => run(fault, wrongClient(fault)));
  }
  await sideBySide(work, CLIENTS_AT_ONCE, (act) => act());
  const table: CertifyTable = {
    checks: CHECKS.length,
    examples: EXAMPLES.flatMap(({ name }) => rows.get(name) ?? []),
    faults: Object.keys(FAULTS).flatMap((fault) => rows.get(fault) ?? []),
  };
  await Deno.writeTextFile(PATH, `${JSON.stringify(table, null, 2)}\n`);
}

if (import.meta.main) {
  exitOnSignals();
  await main(Deno.args);
  Deno.exit();
}
