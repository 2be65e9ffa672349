/**
 * Compares fan-out over three nodes on NATS with one node on SQLite: the gateways' processor time for each
 * delivery, and the latency that JetStream adds. The two take turns, so that other load affects both.
 *
 *     deno task bench:nodes [--rounds 3] [--seconds 5] [--receivers 600] [--rate 20]
 *         [--quiet-seconds 5] [--quiet-receivers 3] [--quiet-rate 40] [--nodes 3]
 *
 * Under load, all receivers of one channel get the same messages at the same fixed rate. The processor time
 * is all that the processes used meanwhile, user and system: publishing, the log, the fan-out, their idle
 * work. nats-server stands by itself.
 *
 * A latency begins just before the request is written and ends when the receiver's bytes were read, in one
 * process with one clock. It contains that process's own work: under load, the last of the receivers wait
 * until the others were read. So what JetStream adds is taken from the quiet phase, in which a few receivers
 * (as many on each node) get few messages while the crowd is idle. SQLite syncs each commit to disk before
 * it delivers a message; a single nats-server does not, and the difference contains that, too.
 *
 * @module
 */

import { NO_NATS } from "../tests/nats/support/server.ts";
import { Audience, type Round } from "./support/audience.ts";
import { pause } from "../tests/conformance/support/wait.ts";
import { measureCpu } from "./support/cpu.ts";
import { Deployment } from "./support/deployment.ts";
import { publishAtRate } from "./support/publisher.ts";
import { run } from "./support/run.ts";
import { median, numberOptions, print, printTable, quantile } from "./support/stats.ts";

const OPTIONS = numberOptions({
  "rounds": 3,
  "seconds": 5,
  "receivers": 600,
  "rate": 20,
  "quiet-seconds": 5,
  "quiet-receivers": 3,
  "quiet-rate": 40,
  "nodes": 3,
});
const WARM_UP_SECONDS = 2;
const IDLE_MS = 2000;

interface Phase {
  readonly audience: "crowd" | "few";
  readonly rate: number;
  readonly seconds: number;
}

const LOAD: Phase = { audience: "crowd", rate: OPTIONS.rate, seconds: OPTIONS.seconds };
const QUIET: Phase = {
  audience: "few",
  rate: OPTIONS["quiet-rate"],
  seconds: OPTIONS["quiet-seconds"],
};

/** The results of a phase on one side. */
interface Measured {
  /** Microseconds of all gateways for each delivery. */
  readonly gateways: number;
  /** Microseconds of nats-server for each delivery; none without one. */
  readonly nats: number;
  /** Of the phase. */
  readonly seconds: number;
  readonly round: Round;
}

/** One of the two deployments that are compared. */
class Side implements AsyncDisposable {
  readonly name: string;
  readonly load: Measured[] = [];
  readonly quiet: Measured[] = [];
  /** Milliseconds of processor time a second of all idle gateways. */
  readonly idle: number[] = [];
  readonly #deployment: Deployment;
  readonly #audiences: Readonly<Record<Phase["audience"], Audience>>;

  private constructor(name: string, deployment: Deployment, audiences: readonly Audience[]) {
    this.name = name;
    this.#deployment = deployment;
    const [crowd, few] = audiences;
    if (crowd === undefined || few === undefined) throw new TypeError("two audiences");
    this.#audiences = { crowd, few };
  }

  static async start(name: string, log: "sqlite" | { readonly nodes: number }): Promise<Side> {
    const deployment = await Deployment.start({ log });
    try {
      const sizes = { crowd: OPTIONS.receivers, few: OPTIONS["quiet-receivers"] };
      const audiences: Audience[] = [];
      for (const [channel, size] of Object.entries(sizes)) {
        audiences.push(await Audience.connect(deployment.urls, { size, channel }));
      }
      return new Side(name, deployment, audiences);
    } catch (error) {
      await deployment[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Publishes the messages of a phase, and waits for all deliveries. */
  async run({ audience, rate, seconds }: Phase): Promise<Measured> {
    const { pids, natsPid, publishers } = this.#deployment;
    const messages = Math.ceil(rate * seconds);
    const round = this.#audiences[audience].begin(messages);
    const all = natsPid === undefined ? pids : [...pids, natsPid];
    const { result: deliveries, micros, seconds: took } = await measureCpu(all, async () => {
      await publishAtRate(publishers, { messages, rate, body: (index) => round.body(index) });
      return await round.complete();
    });
    const each = micros.map((each) => each / deliveries);
    const gateways = each.slice(0, pids.length).reduce((sum, each) => sum + each, 0);
    return { gateways, nats: each[pids.length] ?? 0, seconds: took / deliveries, round };
  }

  /** Measures the idle gateways. */
  async rest(): Promise<void> {
    const { micros, seconds } = await measureCpu(this.#deployment.pids, () => pause(IDLE_MS));
    this.idle.push(micros.reduce((sum, each) => sum + each, 0) / seconds / 1000);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const audience of Object.values(this.#audiences)) audience[Symbol.dispose]();
    await this.#deployment[Symbol.asyncDispose]();
  }
}

const ms = (value: number) => `${print(value, 2)} ms`;
const micros = (value: number) => value === 0 ? "" : `${print(value, 2)} µs`;

/** Formats the ratio of each round: the median and the range. */
function ratios(a: readonly number[], b: readonly number[]): string {
  const all = b.map((value, index) => value / (a[index] ?? NaN));
  return `${print(median(all), 2)} (${print(Math.min(...all), 2)} to ${
    print(Math.max(...all), 2)
  })`;
}

function costRow(
  what: string,
  sides: readonly [Side, Side],
  pick: (measured: Measured, side: Side) => number,
): readonly string[] {
  const [a, b] = sides.map((side) => side.load.map((measured) => pick(measured, side)));
  if (a === undefined || b === undefined) throw new TypeError("two sides");
  const ratio = a.some((value) => value > 0) ? ratios(a, b) : "";
  return [what, ratio, ...[a, b].map((values) => micros(median(values)))];
}

/** Returns rows with the median and the p99 of all rounds. */
function latencyRows(
  what: string,
  sides: readonly [readonly Measured[], readonly Measured[]],
  pick: (round: Round) => readonly number[],
): readonly (readonly string[])[] {
  const [a, b] = sides.map((measured) => measured.flatMap(({ round }) => pick(round)));
  if (a === undefined || b === undefined) throw new TypeError("two sides");
  return ([["median", 0.5], ["p99", 0.99]] as const).map(([name, share]) => {
    const [of, and] = [quantile(a, share), quantile(b, share)];
    return [`${what}, ${name}`, print(and / of, 2), ms(of), ms(and), ms(and - of)];
  });
}

function report(sides: readonly [Side, Side]): void {
  const [a, b] = sides;
  const { rounds, receivers, rate } = OPTIONS;
  console.log(
    `\nunder load: ${receivers} receivers, ${rate} messages/s, ` +
      `${print(receivers * rate)} deliveries/s, ${rounds} rounds of ${LOAD.seconds} s`,
  );
  const load = [a.load, b.load] as const;
  printTable([
    ["", "B / A", `A: ${a.name}`, `B: ${b.name}`, "B - A"],
    costRow("processor of the gateways, a delivery", sides, ({ gateways }) => gateways),
    costRow(
      "  without what they use when idle",
      sides,
      ({ gateways, seconds }, { idle }) => gateways - median(idle) * 1000 * seconds,
    ),
    costRow("processor of nats-server, a delivery", sides, ({ nats }) => nats),
    costRow("processor of both, a delivery", sides, ({ gateways, nats }) => gateways + nats),
    ...latencyRows("publish to receipt", load, (round) => round.latenciesMs),
    ...latencyRows("publish to the first receipt", load, (round) => round.firstMs),
    ...latencyRows("publish to the last receipt", load, (round) => round.lastMs),
  ]);
  console.log(
    `idle gateways, together: ${print(median(a.idle), 1)} ms/s (A), ` +
      `${print(median(b.idle), 1)} ms/s (B) of processor time`,
  );
  console.log(
    `\nquiet: ${OPTIONS["quiet-receivers"]} receivers, ${QUIET.rate} messages/s, ` +
      `${rounds} rounds of ${QUIET.seconds} s; B - A is what JetStream adds`,
  );
  printTable([
    ["", "B / A", `A: ${a.name}`, `B: ${b.name}`, "B - A"],
    ...latencyRows("publish to receipt", [a.quiet, b.quiet], (round) => round.latenciesMs),
  ]);
}

async function main(): Promise<void> {
  await using a = await Side.start("one node, SQLite", "sqlite");
  await using b = await Side.start(`${OPTIONS.nodes} nodes, NATS`, { nodes: OPTIONS.nodes });
  const sides = [a, b] as const;
  for (const phase of [LOAD, QUIET]) {
    for (const side of sides) await side.run({ ...phase, seconds: WARM_UP_SECONDS });
  }
  for (let round = 0; round < OPTIONS.rounds; round++) {
    for (const side of sides) side.load.push(await side.run(LOAD));
    for (const side of sides) side.quiet.push(await side.run(QUIET));
    for (const side of sides) await side.rest();
  }
  report(sides);
}

if (NO_NATS !== undefined) console.log(`skipped: ${NO_NATS}`);
else await run(main);
