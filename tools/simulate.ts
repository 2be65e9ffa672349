/**
 * `deno task simulate`: runs simulated worlds from one seed after another, and shows the first that fails
 * in its smallest form (docs/simulation.md).
 *
 * @module
 */

import { parseArgs } from "node:util";
import { type Failure, type Fault, FAULTS, shrink, simulate } from "../mock/simulation/mod.ts";

const HELP = `Runs simulated worlds under faults, and checks what the gateway owes its clients.

  --seed S      seed of the first world; the next ones are counted up from it (1)
  --runs N      how many worlds (10)
  --hours H     virtual hours of each (24)
  --clients C   clients in each (20)
  --without F   faults that are off, separated by commas: ${FAULTS.join(", ")}
  --trace       run one world and print its whole timeline
  --quick       on a failure, do not look for a smaller one`;

/** Lines of the timeline that are shown of a failure, unless all are asked for. */
const TAIL_LINES = 60;
/** How often the progress line is written, in milliseconds. */
const PROGRESS_MS = 500;

interface Arguments {
  readonly seed: number;
  readonly runs: number;
  readonly hours: number;
  readonly clients: number;
  readonly without: readonly Fault[];
  readonly trace: boolean;
  readonly quick: boolean;
}

function readArguments(args: readonly string[]): Arguments | "help" {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seed: { type: "string", default: "1" },
      runs: { type: "string", default: "10" },
      hours: { type: "string", default: "24" },
      clients: { type: "string", default: "20" },
      without: { type: "string", default: "" },
      trace: { type: "boolean", default: false },
      quick: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return "help";
  const without = values.without.split(",").filter((name) => name !== "").map((name) => {
    const fault = FAULTS.find((each) => each === name);
    if (fault === undefined) throw new RangeError(`there is no fault ${name}`);
    return fault;
  });
  return {
    seed: positive("seed", values.seed),
    runs: positive("runs", values.runs),
    hours: positive("hours", values.hours),
    clients: positive("clients", values.clients),
    without,
    trace: values.trace,
    quick: values.quick,
  };
}

function positive(name: string, text: string): number {
  const value = Number(text);
  const whole = name === "hours" || Number.isInteger(value);
  if (!(value > 0 && value < Infinity && whole)) {
    throw new RangeError(`--${name} ${text} is not a positive number`);
  }
  return value;
}

/** Runs the worlds. Returns whether all went well. */
async function run({ seed, runs, hours, clients, without, quick }: Arguments): Promise<boolean> {
  const startMs = performance.now();
  let shownMs = 0;
  let virtualHours = 0;
  const counts = new Map<string, number>();
  const progress = (done: number): string => {
    const seconds = (performance.now() - startMs) / 1000;
    const rate = Math.round(virtualHours * clients / seconds).toLocaleString("en");
    return `${done}/${runs} runs, ${
      Math.round(virtualHours)
    } virtual hours of ${clients} clients, ` +
      `${rate} client-hours/s`;
  };
  for (let index = 0; index < runs; index++) {
    const options = { seed: String(seed + index), hours, clients, without };
    const outcome = await simulate(options);
    virtualHours += outcome.hours;
    for (const [what, count] of outcome.counts) counts.set(what, (counts.get(what) ?? 0) + count);
    if (outcome.violation !== undefined) {
      say(`\n${progress(index + 1)}\n\nseed ${options.seed} fails: ${outcome.violation.message}\n`);
      if (!quick) say("looking for a smaller world that fails in the same way…\n");
      await show(
        quick ? { options, violation: outcome.violation } : await shrink(options),
      );
      return false;
    }
    if (performance.now() - shownMs > PROGRESS_MS || index === runs - 1) {
      shownMs = performance.now();
      say(`\r${progress(index + 1)}   `);
    }
  }
  say(`\n\n${summary(counts)}\n\nno rule was broken\n`);
  return true;
}

/** What happened, in columns, so that one sees that everything did. */
function summary(counts: ReadonlyMap<string, number>): string {
  const cells = [...counts].sort(([a], [b]) => a < b ? -1 : 1).map(([what, count]) => {
    return `${what} ${count.toLocaleString("en")}`.padEnd(40);
  });
  const lines: string[] = [];
  for (let index = 0; index < cells.length; index += 3) {
    lines.push(cells.slice(index, index + 3).join("").trimEnd());
  }
  return lines.join("\n");
}

/** Runs a failing world once more, and shows how it came to fail. */
async function show(failure: Failure | undefined): Promise<void> {
  if (failure === undefined) {
    say("it does not fail again: the simulation is not deterministic\n");
    return;
  }
  const { options, violation } = failure;
  const { trace } = await simulate({ ...options, recording: true });
  const { connection } = violation;
  const about = connection === undefined
    ? []
    : trace.filter((line) => line.includes(`#${connection} `));
  const without = options.without ?? [];
  say(
    `${violation.rule}\n  ${violation.explanation}\n\n` +
      `deno task simulate --runs 1 --seed ${options.seed} --hours ${options.hours} ` +
      `--clients ${options.clients}${without.length > 0 ? ` --without ${without.join()}` : ""}\n`,
  );
  if (about.length > 0) {
    say(`\nconnection ${connection}, from its beginning:\n`);
    say(`${about.slice(0, 8).join("\n")}\n`);
    if (about.length > 8) say(`…\n${about.slice(8).slice(-TAIL_LINES).join("\n")}\n`);
  }
  say(`\neverything, up to the end:\n${trace.slice(-TAIL_LINES).join("\n")}\n`);
}

async function trace({ seed, hours, clients, without }: Arguments): Promise<boolean> {
  const options = { seed: String(seed), hours, clients, without, recording: true };
  const { trace, violation } = await simulate(options);
  for (const line of trace) say(`${line}\n`);
  return violation === undefined;
}

function say(text: string): void {
  const bytes = new TextEncoder().encode(text);
  for (let sent = 0; sent < bytes.length;) sent += Deno.stdout.writeSync(bytes.subarray(sent));
}

if (import.meta.main) {
  let args: Arguments | "help";
  try {
    args = readArguments(Deno.args);
  } catch (error) {
    say(`${error instanceof Error ? error.message : String(error)}\n\n${HELP}\n`);
    Deno.exit(2);
  }
  if (args === "help") say(`${HELP}\n`);
  else if (!await (args.trace ? trace(args) : run(args))) Deno.exit(1);
}
