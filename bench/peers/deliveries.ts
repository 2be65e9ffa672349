/**
 * Measures deliveries: of single messages at a fixed pace, and of bursts at full speed.
 *
 * @module
 */

import process from "node:process";
import { atRate } from "../support/publisher.ts";
import type { Spent } from "../support/cpu.ts";
import { HttpPublisher, type Publisher } from "./publishers.ts";
import { Samples } from "./samples.ts";
import type { Contender } from "./stand.ts";

export const BURST = 100;
/** Bursts published before the first one is delivered, so that the server is never idle. */
const BURSTS_AHEAD = 3;
/**
 * Before the first round. V8 interprets code at first and compiles it after some ten thousand runs: the gateway's
 * publish costs a third less then.
 */
export const WARM_UP_SECONDS = 4;

export interface Load {
  readonly rounds: number;
  /** The minimum of a round. */
  readonly seconds: number;
}

/** Publishes single messages, `rate` a second. Returns CPU microseconds a delivery. */
export async function measurePaced(
  contenders: readonly Contender[],
  { rounds, seconds, rate }: Load & { readonly rate: number },
): Promise<Samples> {
  const samples = new Samples();
  const measure = async (
    { peer, server, crowd, meter }: Contender,
    seconds: number,
  ): Promise<number> => {
    // Opened for each round, because a server may close an idle connection.
    using publisher = await peer.publisher(server.publishPort);
    const messages = Math.ceil(rate * seconds);
    const { micros } = await meter.measure(async () => {
      let previous = Promise.resolve();
      const publish = (): Promise<void> => previous = previous.then(() => publisher.publish(1));
      await Promise.all([atRate({ times: messages, rate }, publish), crowd.reach(messages)]);
    });
    await crowd.verify();
    return (micros[0] ?? NaN) / messages / crowd.size;
  };
  for (const contender of contenders) await measure(contender, WARM_UP_SECONDS);
  for (let round = 0; round < rounds; round++) {
    for (const contender of contenders) {
      samples.add(contender.peer.name, await measure(contender, seconds));
    }
  }
  return samples;
}

export interface BurstSamples {
  /** CPU microseconds a delivery. */
  readonly micros: Samples;
  /** Deliveries a second. */
  readonly rate: Samples;
  /** The server's share of a core. */
  readonly server: Samples;
  /** The generator's share of a core. */
  readonly generator: Samples;
}

/** Returns the name of a server's corked variant. */
export function corkedName(name: string): string {
  return `${name}, corked`;
}

/** Publishes bursts of {@linkcode BURST} messages. */
export async function measureBursts(
  contenders: readonly Contender[],
  { rounds, seconds }: Load,
): Promise<BurstSamples> {
  const variants = contenders.flatMap((contender): readonly Variant[] => {
    const { peer: { name, corked, publisher } } = contender;
    const plain = { name, contender, publisher };
    if (corked === undefined) return [plain];
    const open = (port: number): Promise<Publisher> => HttpPublisher.open(port, corked);
    return [plain, { name: corkedName(name), contender, publisher: open }];
  });
  const samples = {
    micros: new Samples(),
    rate: new Samples(),
    server: new Samples(),
    generator: new Samples(),
  };
  for (const variant of variants) await burst(variant, WARM_UP_SECONDS);
  for (let round = 0; round < rounds; round++) {
    for (const variant of variants) {
      const { name } = variant;
      const { result, micros: [micros = NaN], seconds: took } = await burst(variant, seconds);
      samples.micros.add(name, micros / result.deliveries);
      samples.rate.add(name, result.deliveries / took);
      samples.server.add(name, micros / 1e6 / took);
      samples.generator.add(name, result.generatorMicros / 1e6 / took);
    }
  }
  return samples;
}

interface Variant {
  readonly name: string;
  readonly contender: Contender;
  readonly publisher: (port: number) => Promise<Publisher>;
}

/** Publishes every {@linkcode BURSTS_AHEAD}th burst. */
interface Lane {
  readonly publisher: Publisher;
  published: Promise<void>;
}

interface Burst {
  readonly deliveries: number;
  readonly generatorMicros: number;
}

/** Publishes bursts for `seconds`, and waits for all deliveries. */
async function burst(variant: Variant, seconds: number): Promise<Spent<Burst>> {
  const { server, crowd, meter } = variant.contender;
  using parts = new DisposableStack();
  const lanes: Lane[] = [];
  for (let lane = 0; lane < BURSTS_AHEAD; lane++) {
    lanes.push({
      publisher: parts.use(await variant.publisher(server.publishPort)),
      published: Promise.resolve(),
    });
  }
  const spent = await meter.measure(async () => {
    const before = process.cpuUsage();
    const until = performance.now() + seconds * 1000;
    const failure = Promise.withResolvers<never>();
    let bursts = 0;
    const publish = (): void => {
      const lane = lanes[bursts++ % lanes.length];
      if (lane === undefined) return;
      lane.published = lane.published.then(() => lane.publisher.publish(BURST));
      lane.published.catch(failure.reject);
    };
    for (const _ of lanes) publish();
    for (let delivered = 0; delivered < bursts; delivered++) {
      await Promise.race([crowd.reach(BURST), failure.promise]);
      if (performance.now() < until) publish();
    }
    await Promise.all(lanes.map(({ published }) => published));
    const { user, system } = process.cpuUsage(before);
    return { deliveries: bursts * BURST * crowd.size, generatorMicros: user + system };
  });
  await crowd.verify();
  return spent;
}
