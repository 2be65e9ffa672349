/**
 * Runs checks, several at a time, each with its own gateway and its own process of the client.
 *
 * @module
 */

import { OperationalError } from "../gateway/errors.ts";
import { withTimeout } from "../gateway/util.ts";
import { SESSION } from "./checks/identify.ts";
import { Stage, type StageDeps } from "./stage.ts";
import type { Check, Verdict } from "./check.ts";
import { Failed, Skipped } from "./outcome.ts";
import { redact } from "./redact.ts";

export interface JudgeOptions extends StageDeps {
  readonly checks: readonly Check[];
  /** Checks that run at the same time. */
  readonly atOnce: number;
  /** Called with each verdict as it comes. */
  readonly judged?: (verdict: Verdict) => void;
}

/** Longest duration of a check, in milliseconds of real time. */
const MAX_CHECK_MS = 180_000;

/** Judged first, as many checks need them. A check that fails and needed one that failed would fail for the same reason. */
const BASICS = [["session"], ["close-1012", "close-dropped"], ["resume-message"]];

/** Returns the verdicts in the order of the checks. */
export async function judge({ checks, atOnce, judged, ...deps }: JudgeOptions): Promise<
  readonly Verdict[]
> {
  const verdicts = new Map<Check, Verdict>();
  const decide = (verdict: Verdict): void => {
    verdicts.set(verdict.check, verdict);
    judged?.(verdict);
  };
  const failed = new Set<string>();
  const run = async (isWanted: (check: Check) => boolean): Promise<void> => {
    // The longest first, so that none runs alone in the end.
    const waiting = checks.filter((check) => isWanted(check) && !verdicts.has(check))
      .toSorted((a, b) => (b.realS ?? 0) - (a.realS ?? 0));
    const work = async (): Promise<void> => {
      for (let check = waiting.shift(); check !== undefined; check = waiting.shift()) {
        const verdict = await judgeOne(check, failed, deps);
        if (verdict.result === "fail") failed.add(check.id);
        decide(verdict);
      }
    };
    await Promise.all(Array.from({ length: atOnce }, work));
  };
  for (const basics of BASICS) {
    await run(({ id }) => basics.includes(id));
    if (!failed.has(SESSION.id)) continue;
    const detail = "the client has no session";
    for (const check of checks.filter((check) => !verdicts.has(check))) {
      decide({ check, result: "skip", detail, tookMs: 0, events: [] });
    }
  }
  await run(() => true);
  return checks.flatMap((check) => verdicts.get(check) ?? []);
}

async function judgeOne(
  check: Check,
  failed: ReadonlySet<string>,
  deps: StageDeps,
): Promise<Verdict> {
  await using stage = await Stage.start(deps, check.setting);
  const from = deps.clock.steady();
  const redacted = (text: string): string => redact(text, stage.logins.map(({ token }) => token));
  const verdict = (result: Verdict["result"], ...details: readonly string[]): Verdict => ({
    ...{ check, result, detail: redacted(details.join("\n")) },
    tookMs: deps.clock.steady() - from,
    events: stage.wire.events.map((event) => ({ ...event, text: redacted(event.text) })),
  });
  try {
    await withTimeout(check.run(stage), {
      clock: deps.clock,
      ms: MAX_CHECK_MS,
      late: () => new Failed(`not decided within ${MAX_CHECK_MS / 1000} s`),
    });
    return verdict("pass");
  } catch (error) {
    const { misread } = stage.app;
    const ignored = misread === undefined ? [] : [`ignored ${misread}: a value of the wrong type`];
    if (error instanceof Skipped) return verdict("skip", error.message, ...ignored);
    const need = [...stage.needed].find((id) => id !== check.id && failed.has(id));
    if (error instanceof Failed && need !== undefined) {
      return verdict("skip", `judged only if ${need} passes`);
    }
    if (error instanceof Failed) {
      return verdict("fail", error.message, ...ignored, ...await stage.describeEnd());
    }
    if (error instanceof OperationalError) throw error;
    throw new Error(`check ${check.id}`, { cause: error });
  }
}
