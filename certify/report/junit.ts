/**
 * The scorecard as JUnit XML, for CI systems.
 *
 * @module
 */

import type { Verdict } from "../check.ts";
import { escapeMarkup } from "./markup.ts";
import { count } from "./scorecard.ts";

export function toJunit(client: string, verdicts: readonly Verdict[]): string {
  const totalMs = verdicts.reduce((sum, { tookMs }) => sum + tookMs, 0);
  const counts = `tests="${verdicts.length}" failures="${count(verdicts, "fail")}" errors="0" ` +
    `skipped="${count(verdicts, "skip")}" time="${seconds(totalMs)}"`;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="certify" ${counts}>`,
    `  <testsuite name="${escapeMarkup(client)}" ${counts}>`,
    ...verdicts.map(testCase),
    "  </testsuite>",
    "</testsuites>",
    "",
  ].join("\n");
}

function testCase({ check, result, detail, tookMs }: Verdict): string {
  const { id, section, rule, hint } = check;
  const names = `classname="${escapeMarkup(section)}" name="${escapeMarkup(`${id}: ${rule}`)}"`;
  const open = `    <testcase ${names} time="${seconds(tookMs)}"`;
  const message = escapeMarkup(detail);
  switch (result) {
    case "pass":
      return `${open}/>`;
    case "skip":
      return `${open}><skipped message="${message}"/></testcase>`;
    case "fail":
      return `${open}><failure message="${message}">${escapeMarkup(hint)}</failure></testcase>`;
  }
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(3);
}
