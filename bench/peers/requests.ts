/**
 * Measures a publish without receivers, beside a server that echoes the body of the same request.
 *
 * @module
 */

import { inClosedLoop } from "../support/parallel.ts";
import { BURST, type Load, WARM_UP_SECONDS } from "./deliveries.ts";
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

/** The peer whose echo is the reference. */
const ECHO = "deno-serve";

/**
 * Measures each round right after one of the echo. Measured once for all servers, the echo cost 41 µs in one run and
 * 73 in another of the same hour.
 */
export async function measureRequests(
  contenders: readonly Contender[],
  { rounds, seconds }: Load,
): Promise<RequestSamples> {
  const samples = { single: new Samples(), loaded: new Samples(), batch: new Samples() };
  const echo = contenders.find(({ peer }) => peer.id === ECHO);
  for (const { into, ...load } of KINDS) {
    // Many connections run the code more often in the same time.
    const busy = { ...load, connections: AT_ONCE };
    if (echo !== undefined) await measure(echo, busy, WARM_UP_SECONDS);
    for (const contender of contenders) {
      await measure(contender, busy, WARM_UP_SECONDS);
      for (let round = 0; round < rounds; round++) {
        const beside = echo && await measure(echo, load, seconds);
        const micros = await measure(contender, load, seconds);
        if (micros !== undefined) samples[into].add(contender.peer.name, micros, beside);
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
