/**
 * `deno task simulate`: runs simulated worlds, seed after seed, and shows the first that fails in its
 * smallest form (docs/simulation.md).
 *
 * @module
 */

import { parseArgs } from "node:util";
import {
  type Failure,
  FAULT_NAMES,
  shrink,
  simulate,
  type WorldOptions,
} from "../simulation/mod.ts";
import type { WorldResult } from "./simulate_worker.ts";

export const HELP: string = `Runs simulated worlds under faults, and checks every step.

  --seed S        seed of the first world; the next count up from it (1)
  --runs N        number of worlds (10)
  --hours H       virtual hours of each (24)
  --clients C     clients in each (20)
  --nodes N       gateways in each (one, two and three in turn)
  --without F,…   faults to switch off
  --jobs J        worlds that run at once (one per processor)
  --trace         run one world and print its timeline
  --quick         do not shrink a failing world`;

/** Lines of a failure's timeline without `--trace`. */
const HEAD_LINES = 8;
const TAIL_LINES = 60;
/** The interval of the progress line, in milliseconds. */
const PROGRESS_MS = 500;

type Arguments = Exclude<ReturnType<typeof readArguments>, "help">;

function readArguments(args: readonly string[]) {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seed: { type: "string", default: "1" },
      runs: { type: "string", default: "10" },
      hours: { type: "string", default: "24" },
      clients: { type: "string", default: "20" },
      nodes: { type: "string" },
      without: { type: "string", default: "" },
      jobs: { type: "string", default: String(navigator.hardwareConcurrency) },
      trace: { type: "boolean", default: false },
      quick: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return "help" as const;
  const without = values.without.split(",").filter((name) => name !== "").map((name) => {
    const fault = FAULT_NAMES.find((each) => each === name);
    if (fault === undefined) {
      throw new RangeError(`unknown fault ${name}; known are ${FAULT_NAMES.join(", ")}`);
    }
    return fault;
  });
  const { trace, quick, nodes } = values;
  return {
    seed: positive("seed", values.seed),
    runs: positive("runs", values.runs),
    hours: positive("hours", values.hours),
    clients: positive("clients", values.clients),
    nodes: nodes === undefined ? undefined : positive("nodes", nodes),
    jobs: positive("jobs", values.jobs),
    ...{ without, trace, quick },
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

/** Runs the worlds, one for each job at a time. Returns whether all passed. */
async function run(args: Arguments): Promise<boolean> {
  const { seed, runs, hours, clients, without, jobs, quick } = args;
  const progress = new Progress(args);
  let next = 0;
  let failed: WorldResult | undefined;
  const work = async (): Promise<void> => {
    const worker = new Worker(import.meta.resolve("./simulate_worker.ts"), { type: "module" });
    while (next < runs && failed === undefined) {
      const result = await runWorld(worker, {
        seed: String(seed + next++),
        hours,
        clients,
        nodes: nodesOf(seed + next - 1, args),
        without,
      });
      progress.add(result);
      if (result.violation !== undefined) failed ??= result;
    }
    worker.terminate();
  };
  await Promise.all(Array.from({ length: Math.min(jobs, runs) }, work));
  progress.show();
  if (failed === undefined) {
    say(`\n\n${summary(progress.counts)}\n\nno rule was broken\n`);
    return true;
  }
  const { options, violation } = failed;
  say(`\n\nseed ${options.seed} fails: ${violation}\n`);
  if (!quick) {
    say("looking for a smaller world that fails in the same way…\n");
    await show(await shrink(options));
  }
  return false;
}

/** How many nodes the world of `seed` has. */
function nodesOf(seed: number, { nodes }: Arguments): number {
  return nodes ?? (Math.floor(seed) + 2) % 3 + 1;
}

/** Has `worker` run one world. */
function runWorld(worker: Worker, options: WorldOptions): Promise<WorldResult> {
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<WorldResult>): void => resolve(data);
    worker.onerror = (event): void => reject(new Error(event.message));
    worker.postMessage(options);
  });
}

class Progress {
  /** Counts of events in all worlds. */
  readonly counts: Map<string, number> = new Map<string, number>();
  readonly #args: Arguments;
  readonly #startMs = performance.now();
  #shownMs = 0;
  #done = 0;
  #virtualHours = 0;

  constructor(args: Arguments) {
    this.#args = args;
  }

  /** Adds a finished world. */
  add({ hours, counts }: WorldResult): void {
    this.#done++;
    this.#virtualHours += hours;
    for (const [what, count] of counts) this.counts.set(what, (this.counts.get(what) ?? 0) + count);
    if (performance.now() - this.#shownMs > PROGRESS_MS) this.show();
  }

  /** Overwrites the line. */
  show(): void {
    this.#shownMs = performance.now();
    const { runs, clients, jobs } = this.#args;
    const hours = Math.round(this.#virtualHours).toLocaleString("en");
    const clientHours = this.#virtualHours * clients;
    const rate = Math.round(clientHours * 1000 / (this.#shownMs - this.#startMs));
    say(
      `\r${this.#done}/${runs} runs, ${hours} virtual hours of ${clients} clients, ` +
        `${rate.toLocaleString("en")} client-hours/s in ${jobs} jobs   `,
    );
  }
}

/** Formats the counts in columns, to show that everything occurred. */
function summary(counts: ReadonlyMap<string, number>): string {
  const cells = [...counts].sort(([a], [b]) => a < b ? -1 : 1).map(([what, count]) => {
    return `${what} ${count.toLocaleString("en")}`.padEnd(46);
  });
  const lines: string[] = [];
  for (let index = 0; index < cells.length; index += 2) {
    lines.push(cells.slice(index, index + 2).join("").trimEnd());
  }
  return lines.join("\n");
}

/** Runs a failing world again, and prints its timeline. */
async function show(failure: Failure | undefined): Promise<void> {
  if (failure === undefined) {
    say("it does not fail again: the simulation is not deterministic\n");
    return;
  }
  const { options, violation: { broken } } = failure;
  const { trace } = await simulate({ ...options, recording: true });
  const without = options.without ?? [];
  say(
    `\n${broken.rule}\n  ${broken.explanation}\n\n` +
      `deno task simulate --runs 1 --seed ${options.seed} --hours ${options.hours} ` +
      `--clients ${options.clients} --nodes ${options.nodes ?? 1}${
        without.length > 0 ? ` --without ${without.join()}` : ""
      }\n`,
  );
  const lines = condense(trace);
  const { connection } = broken;
  if (connection !== undefined) {
    const about = lines.filter((line) => line.includes(`#${connection} `));
    say(
      `\nconnection ${connection}, from its beginning:\n${about.slice(0, HEAD_LINES).join("\n")}\n`,
    );
    const rest = about.slice(HEAD_LINES);
    if (rest.length > TAIL_LINES) say("…\n");
    say(`${rest.slice(-TAIL_LINES).join("\n")}\n`);
  }
  say(`\neverything, up to the end:\n${lines.slice(-TAIL_LINES).join("\n")}\n`);
}

/** Shortens runs of messages to one connection to the first and the last. */
function condense(lines: readonly string[]): readonly string[] {
  const receiver = (line = ""): string | undefined => /(#\d+ ) +<-- \{"op":3,/.exec(line)?.[1];
  return lines.filter((line, index) => {
    const to = receiver(line);
    return to === undefined || to !== receiver(lines[index - 1]) ||
      to !== receiver(lines[index + 1]);
  });
}

async function trace(args: Arguments): Promise<boolean> {
  const { seed, hours, clients, without } = args;
  const nodes = nodesOf(seed, args);
  const options = { seed: String(seed), hours, clients, nodes, without, recording: true };
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
