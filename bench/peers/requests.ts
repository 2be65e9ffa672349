/**
 * What a publish that nobody receives costs, beside a server that answers the body of the same request.
 *
 * @module
 */

import { BURST, type Load } from "./deliveries.ts";
import { HttpPublisher } from "./publishers.ts";
import { Samples } from "./samples.ts";
import type { Contender } from "./stand.ts";

/** Connections that publish at full load. */
export const AT_ONCE = 16;

/** CPU microseconds a message. */
export interface RequestSamples {
  /** Of one in a request, from one connection, so that the server wakes up for each. */
  readonly single: Samples;
  /** Of one in a request, from {@linkcode AT_ONCE} connections. */
  readonly loaded: Samples;
  /** Of {@linkcode BURST} in a request, from one connection. */
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
 * For how long each way to publish is tried before it is measured. A server runs code in an interpreter until
 * it has run some ten thousand times, and again where it has met other types: a publish costs the gateway a
 * third less once that is over.
 */
const WARM_UP_SECONDS = 4;

/** Sends the next request of a connection whenever the last one is answered. */
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
  const { result, micros } = await meter.measure(async () => {
    const until = performance.now() + seconds * 1000;
    let requests = 0;
    await Promise.all(publishers.map(async (publisher) => {
      while (performance.now() < until) {
        await publisher.publish(messages);
        requests += 1;
      }
    }));
    return requests;
  });
  return (micros[0] ?? NaN) / result / messages;
}
