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
const WARM_UP_SECONDS = 1;

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
  readonly samples: Samples;
  readonly connections: number;
  readonly messages: number;
}

/** Sends the next request of a connection whenever the last one is answered. */
export async function measureRequests(
  contenders: readonly Contender[],
  { rounds, seconds }: Load,
): Promise<RequestSamples> {
  const samples = { single: new Samples(), loaded: new Samples(), batch: new Samples() };
  const kinds: readonly Kind[] = [
    { samples: samples.single, connections: 1, messages: 1 },
    { samples: samples.loaded, connections: AT_ONCE, messages: 1 },
    { samples: samples.batch, connections: 1, messages: BURST },
  ];
  for (const { samples, ...load } of kinds) {
    for (const contender of contenders) await measure(contender, load, WARM_UP_SECONDS);
    for (let round = 0; round < rounds; round++) {
      for (const contender of contenders) {
        const micros = await measure(contender, load, seconds);
        if (micros !== undefined) samples.add(contender.peer.name, micros);
      }
    }
  }
  return samples;
}

async function measure(
  { peer: { request }, server, meter }: Contender,
  { connections, messages }: Omit<Kind, "samples">,
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
