/**
 * Measures the memory of an idle connection, and the processor time of connecting and closing.
 *
 * @module
 */

import { residentBytes } from "../../tests/conformance/support/resources.ts";
import { pause } from "../../tests/conformance/support/wait.ts";
import { inParallel } from "../support/parallel.ts";
import type { Peer } from "./catalog.ts";
import { Connection } from "./connection.ts";
import { Crowd } from "./crowd.ts";
import type { Cores } from "./machine.ts";
import { Samples } from "./samples.ts";
import { type Contender, startServer } from "./stand.ts";

/** Connections before the measured ones, so that code is compiled and tables exist. */
const WARM_UP_CONNECTIONS = 1000;
const SETTLING_MS = 3000;
/** An idle client receives no more than Ready. */
const RECEIVE_BYTES = 2048;
const HANDSHAKES_AT_ONCE = 8;

/**
 * Connects a client for each token to each server in turn. Returns the growth of the process's resident memory
 * for each connection, in bytes. With a garbage collection before each reading, the figures were the same.
 */
export async function measureMemory(
  peers: readonly Peer[],
  { cores, tokens, rounds }: {
    readonly cores: Cores;
    readonly tokens: readonly string[];
    readonly rounds: number;
  },
): Promise<Samples> {
  const samples = new Samples();
  for (let round = 0; round < rounds; round++) {
    for (const peer of peers) {
      await using parts = new AsyncDisposableStack();
      const server = await startServer(peer, { cores, parts });
      const connect = (tokens: readonly string[]): Promise<Crowd> =>
        Crowd.connect({ port: server.port, protocol: peer.protocol }, {
          tokens,
          bufferBytes: RECEIVE_BYTES,
        });
      (await connect(tokens.slice(0, WARM_UP_CONNECTIONS)))[Symbol.dispose]();
      await pause(SETTLING_MS);
      const before = await residentBytes(server.pid);
      using crowd = await connect(tokens);
      await pause(SETTLING_MS);
      const grown = await residentBytes(server.pid) - before;
      samples.add(peer.name, grown / tokens.length);
      await crowd.verify();
    }
  }
  return samples;
}

/** Connects and closes a client for each token. Returns CPU microseconds for each. */
export async function measureHandshakes(
  contenders: readonly Contender[],
  { rounds, tokens }: { readonly rounds: number; readonly tokens: readonly string[] },
): Promise<Samples> {
  const samples = new Samples();
  const measure = async ({ peer, server, meter }: Contender): Promise<number> => {
    const endpoint = { port: server.port, protocol: peer.protocol };
    const { micros } = await meter.measure(() =>
      inParallel(tokens, HANDSHAKES_AT_ONCE, async (token) => {
        const client = await Connection.open(endpoint, { token, bufferBytes: RECEIVE_BYTES });
        await client.close();
      })
    );
    return (micros[0] ?? NaN) / tokens.length;
  };
  for (const contender of contenders) await measure(contender);
  for (let round = 0; round < rounds; round++) {
    for (const contender of contenders) samples.add(contender.peer.name, await measure(contender));
  }
  return samples;
}
