/**
 * Measures messages of one gateway on SQLite, by the number of receivers.
 *
 * @module
 */

import { Audience } from "./audience.ts";
import { CpuMeter } from "./cpu.ts";
import { CHAT_TEXT, Deployment } from "./deployment.ts";
import { publishAtRate } from "./publisher.ts";
import { median, print } from "./stats.ts";

const IDLE_MS = 2000;
const WARM_UP_SECONDS = 1;

export interface MessageLoad {
  /** Messages a second to one receiver or none. */
  readonly rate: number;
  /** Receivers of the large channel. */
  readonly receivers: number;
  /** Messages a second to the large channel. */
  readonly fanOutRate: number;
  /** Seconds of each measurement. */
  readonly seconds: number;
  readonly rounds: number;
}

/** Messages to an audience, or without receivers, and their cost in each round. */
interface Kind {
  readonly audience: Audience | undefined;
  readonly rate: number;
  readonly micros: number[];
}

/** A message without receivers. */
export const UNHEARD: string = JSON.stringify({
  channel: "nobody",
  author: "7",
  content: { text: CHAT_TEXT },
});

/** Prints the processor time of a message for no, one and many receivers. */
export async function measureFanOut(load: MessageLoad): Promise<void> {
  const { rate, receivers, fanOutRate, seconds, rounds } = load;
  await using gateway = await Deployment.start({ log: "sqlite" });
  using one = await Audience.connect(gateway.urls, { size: 1, channel: "one" });
  using many = await Audience.connect(gateway.urls, { size: receivers, channel: "many" });
  const meter = await CpuMeter.calibrate(gateway.pids, IDLE_MS);
  const measure = async ({ audience, rate }: Kind, seconds: number): Promise<number> => {
    const messages = Math.ceil(rate * seconds);
    const round = audience?.begin(messages);
    const spent = await meter.measure(async () => {
      const body = (index: number) => round?.body(index) ?? UNHEARD;
      await publishAtRate(gateway.publishers, { messages, rate, body });
      await round?.complete();
    });
    return (spent.micros[0] ?? NaN) / messages;
  };
  const kinds: readonly Kind[] = [
    { audience: undefined, rate, micros: [] },
    { audience: one, rate, micros: [] },
    { audience: many, rate: fanOutRate, micros: [] },
  ];
  for (const kind of kinds) await measure(kind, WARM_UP_SECONDS);
  for (let round = 0; round < rounds; round++) {
    for (const kind of kinds) kind.micros.push(await measure(kind, seconds));
  }
  const [none = NaN, single = NaN, all = NaN] = kinds.map(({ micros }) => median(micros));
  const idle = (meter.idle[0] ?? NaN) / 1000;
  console.log(`idle gateway with ${receivers} connections: ${print(idle, 1)} ms a second`);
  console.log(`message for nobody, at ${rate}/s on SQLite: ${print(none, 1)} µs`);
  console.log(
    `message for one, at ${rate}/s: ${print(single, 1)} µs; the delivery alone ` +
      `${print(single - none, 1)} µs`,
  );
  console.log(
    `message for ${print(receivers)}, at ${fanOutRate}/s: ${print(all / receivers, 2)} µs a ` +
      `delivery; without the publish ${print((all - none) / receivers, 2)} µs`,
  );
}
