/**
 * Measures whether signals make messages late: the latency of messages to some receivers of a channel, in rounds
 * with and without signals to all of its receivers, by turns.
 *
 *     deno task bench:signals [--receivers 1000] [--probes 10] [--rate 10] [--signals 1000] [--batch 10]
 *       [--seconds 5] [--rounds 5]
 *
 * On the `node` transport. Latency is from sending the publish to reading the message from the socket. Only probes
 * look at what they receive: a million signals a second would keep this process busier than the gateway. The others
 * are in a thread of their own. Signals come in requests of `--batch`. Fails if a message is missing, or if the
 * median or the 99th percentile of the rounds with signals is more than a fifth above that of the rounds without.
 *
 * @module
 */

import { Audience, type Round } from "./support/audience.ts";
import { CpuMeter } from "./support/cpu.ts";
import { connectCrowd } from "./support/crowd.ts";
import { CHAT_TEXT, Deployment } from "./support/deployment.ts";
import { atRate, publishAtRate } from "./support/publisher.ts";
import { run } from "./support/run.ts";
import { median, numberOptions, print, printTable, quantile } from "./support/stats.ts";

const OPTIONS = numberOptions({
  receivers: 1000,
  probes: 10,
  rate: 10,
  signals: 1000,
  batch: 10,
  seconds: 5,
  rounds: 5,
});
const CHANNEL = "room";
/** Most that signals may make a message later. */
const MAX_RATIO = 1.2;
const IDLE_MS = 1000;
const TYPISTS = 100;

interface Result {
  readonly latenciesMs: readonly number[];
  /** Processor time of the gateway, in percent of one core. */
  readonly cpuPercent: number;
  readonly copies: number;
}

const SETTINGS = {
  GATEWAY_TRANSPORT: "node",
  // Nobody but the probes answers heartbeats.
  GATEWAY_HEARTBEAT_INTERVAL_MS: "3600000",
};

/** The body of a request with `size` signals. */
function signalsBody(request: number, size: number): string {
  const content = { typing: true, text: CHAT_TEXT.slice(0, 20) };
  return JSON.stringify(Array.from({ length: size }, (_, index) => (
    { channel: CHANNEL, author: `user-${(request * size + index) % TYPISTS}`, content }
  )));
}

async function droppedBy(url: string): Promise<string> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return [...text.matchAll(/^gateway_signals_dropped_total\{reason="(\w+)"\} (\d+)$/gm)]
    .map(([, reason, count]) => `${reason} ${count}`).join(", ");
}

await run(async () => {
  const { receivers, probes, rate, signals, batch, seconds, rounds } = OPTIONS;
  await using gateway = await Deployment.start({ log: "sqlite", settings: SETTINGS });
  using _crowd = await connectCrowd({
    url: gateway.urls[0] ?? "",
    size: receivers - probes,
    channel: CHANNEL,
  });
  using audience = await Audience.connect(gateway.urls, {
    size: probes,
    channel: CHANNEL,
    signals: true,
  });
  const meter = await CpuMeter.calibrate(gateway.pids, IDLE_MS);
  const [publisher] = gateway.publishers;
  const messages = Math.ceil(rate * seconds);
  const measure = async (isBusy: boolean): Promise<Result> => {
    const round: Round = audience.begin(messages);
    const before = audience.signals;
    const spent = await meter.measure(async () => {
      const sending = isBusy
        ? atRate({ times: signals * seconds / batch, rate: signals / batch }, async (index) => {
          await publisher?.signal(() => signalsBody(index, batch));
        })
        : undefined;
      const body = (index: number): string => round.body(index);
      await publishAtRate(gateway.publishers, { messages, rate, body });
      await round.complete();
      await sending;
    });
    const { latenciesMs } = round;
    const cpuPercent = (spent.micros[0] ?? NaN) / spent.seconds / 1e4;
    return { latenciesMs, cpuPercent, copies: audience.signals - before };
  };
  await measure(true);
  const quiet: Result[] = [];
  const busy: Result[] = [];
  for (let count = 0; count < rounds; count++) {
    quiet.push(await measure(false));
    busy.push(await measure(true));
  }
  const at = (results: readonly Result[], share: number): number =>
    median(results.map(({ latenciesMs }) => quantile(latenciesMs, share)));
  const row = (name: string, results: readonly Result[]): string[] => [
    name,
    ...[0.5, 0.99, 1].map((share) => print(at(results, share), 1)),
    `${print(median(results.map(({ cpuPercent }) => cpuPercent)))} %`,
    print(median(results.map(({ copies }) => copies)) / seconds / probes),
  ];
  console.log(
    `${
      print(receivers)
    } receivers, ${rate} messages/s; medians of ${rounds} rounds of ${seconds} s`,
  );
  printTable([
    ["message latency, ms", "p50", "p99", "max", "CPU", "signals received/s by each"],
    row("without signals", quiet),
    row(`with ${print(signals)} signals/s`, busy),
  ]);
  console.log(`dropped: ${await droppedBy(gateway.urls[0] ?? "")}`);
  const ratios = [0.5, 0.99].map((share) => at(busy, share) / at(quiet, share));
  console.log(
    `with / without: p50 ${print(ratios[0] ?? NaN, 2)}, p99 ${print(ratios[1] ?? NaN, 2)}`,
  );
  if (ratios.some((ratio) => !(ratio <= MAX_RATIO))) {
    throw new Error(`messages are late by more than a fifth`);
  }
});
