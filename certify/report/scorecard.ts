/**
 * The scorecard for the terminal.
 *
 * @module
 */

import type { Verdict } from "../check.ts";

const LABELS = { pass: "ok  ", fail: "FAIL", skip: "skip" } as const;

/** The lines of one verdict: those of a failure say what to do. */
export function verdictText({ check, result, detail }: Verdict): string {
  const line = `${LABELS[result]}  ${check.id.padEnd(24)} ${check.rule}`;
  if (result === "pass") return line;
  const help = [`hint: ${check.hint}`, `see docs/protocol.md, "${check.section}"`];
  const below = [...detail.split("\n"), ...result === "fail" ? help : []];
  return [line, ...below.map((text) => `        ${text}`)].join("\n");
}

export function count(verdicts: readonly Verdict[], result: Verdict["result"]): number {
  return verdicts.filter((verdict) => verdict.result === result).length;
}

/** @param page the path of the HTML report, if there is one */
export function summaryText(
  verdicts: readonly Verdict[],
  { tookMs, page = "--html=FILE" }: { readonly tookMs: number; readonly page: string | undefined },
): string {
  const failed = verdicts.filter(({ result }) => result === "fail").map(({ check }) => check.id);
  const counts = `${count(verdicts, "pass")} passed, ${failed.length} failed, ` +
    `${count(verdicts, "skip")} skipped, in ${Math.round(tookMs / 1000)} s`;
  if (failed.length === 0) return counts;
  return `${counts}\nfailed: ${failed.join(", ")}\n${page} shows the frames of failed checks`;
}
