/**
 * Measures a publish without receivers, beside a server that echoes the body of the same request.
 *
 * @module
 */

import { inClosedLoop } from "../support/parallel.ts";
import { BURST, type Load } from "./deliveries.ts";
import { HttpPublisher } from "./publishers.ts";
import { Samples } from "./samples.ts";
import type { Contender } from "./stand.ts";

export const AT_ONCE = 16;

/** CPU microseconds a message. */
export interface RequestSamples {
  /** One message a request, from one connection, so that the server wakes up for each. */
  readonly single: Samples;
  /** One message a request, from {@linkcode AT_ONCE} connections. */
  readonly loaded: Samples;
  /** {@linkcode BURST} messages a request, from one connection. */
  readonly batch: Samples;
}

interface Kind {
  readonly into: keyof RequestSamples;
  readonly connections: number;
  readonly messages: number;
}

const KINDS: readonly Kind[] = [
  { into: "single", connections: 1, messages: 1 },
  { into: "loaded", connections: AT_ONCE, messages: 1 },
  { into: "batch", connections: 1, messages: BURST },
];

/**
 * For how long each way to publish is tried before it is measured. A server interprets code at first, and again
 * when it meets other types, and compiles it after some ten thousand runs: the gateway's publish costs a third
 * less then.
 */
const WARM_UP_SECONDS = 4;

export async function measureRequests(
  contenders: readonly Contender[],
  { rounds, seconds }: Load,
): Promise<RequestSamples> {
  const samples = { single: new Samples(), loaded: new Samples(), batch: new Samples() };
  for (const { into, ...load } of KINDS) {
    for (const contender of contenders) await measure(contender, load, WARM_UP_SECONDS);
    for (let round = 0; round < rounds; round++) {
      for (const contender of contenders) {
        const micros = await measure(contender, load, seconds);
        if (micros !== undefined) samples[into].add(contender.peer.name, micros);
      }
    }
  }
  return samples;
}

async function measure(
  { peer: { request }, server, meter }: Contender,
  { connections, messages }: Omit<Kind, "into">,
  seconds: number,
): Promise<number | undefined> {
  if (request === undefined) return undefined;
  using parts = new DisposableStack();
  const publishers: HttpPublisher[] = [];
  for (let each = 0; each < connections; each++) {
    publishers.push(parts.use(await HttpPublisher.open(server.publishPort, request)));
  }
  const { result, micros } = await meter.measure(() =>
    inClosedLoop(publishers, seconds * 1000, (publisher) => publisher.publish(messages))
  );
  return (micros[0] ?? NaN) / result / messages;
}
