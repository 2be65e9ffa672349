/**
 * Runs all servers at once, each with its own clients, so that rounds go from one to the next.
 *
 * @module
 */

import assert from "node:assert/strict";
import { CpuMeter } from "../support/cpu.ts";
import type { Peer } from "./catalog.ts";
import { Connection } from "./connection.ts";
import { Crowd } from "./crowd.ts";
import type { Cores } from "./machine.ts";
import { type Publisher, TEXT } from "./publishers.ts";
import { freePort, ServerProcess } from "./server_process.ts";

const IDLE_MS = 3000;
/** Enough for a hundred messages. */
const RECEIVE_BYTES = 32 * 1024;

export interface Contender {
  readonly peer: Peer;
  readonly server: ServerProcess;
  readonly crowd: Crowd;
  readonly meter: CpuMeter;
  /** Bytes of a message's frame, without the header. */
  readonly payloadBytes: number;
}

/** Starts a server with a directory of its own; `parts` disposes of both. */
export async function startServer(
  peer: Peer,
  { cores, parts }: { readonly cores: Cores; readonly parts: AsyncDisposableStack },
): Promise<ServerProcess> {
  const directory = parts.adopt(
    await Deno.makeTempDir({ prefix: "peers-" }),
    (path) => Deno.remove(path, { recursive: true }),
  );
  const place = { port: freePort(), apiPort: freePort(), directory, core: cores.server };
  return parts.use(await ServerProcess.start(peer.launch(place), place));
}

export class Stand implements AsyncDisposable {
  readonly contenders: readonly Contender[];
  readonly #parts: AsyncDisposableStack;

  private constructor(contenders: readonly Contender[], parts: AsyncDisposableStack) {
    this.contenders = contenders;
    this.#parts = parts;
  }

  /** Starts the servers, and connects a client to each for each token. */
  static async start(
    peers: readonly Peer[],
    { cores, tokens }: { readonly cores: Cores; readonly tokens: readonly string[] },
  ): Promise<Stand> {
    await using parts = new AsyncDisposableStack();
    const started: Omit<Contender, "meter">[] = [];
    for (const peer of peers) {
      const server = await startServer(peer, { cores, parts });
      const endpoint = { port: server.port, protocol: peer.protocol };
      using publisher = await peer.publisher(server.publishPort);
      const payloadBytes = await check(endpoint, { publisher, token: tokens[0] ?? "" });
      const crowd = parts.use(
        await Crowd.connect(endpoint, { tokens, bufferBytes: RECEIVE_BYTES }),
      );
      started.push({ peer, server, crowd, payloadBytes });
    }
    // Concurrently, because all are idle.
    const meters = await Promise.all(
      started.map(({ server }) => CpuMeter.calibrate([server.pid], IDLE_MS)),
    );
    const contenders = started.flatMap((each, at) => {
      const meter = meters[at];
      return meter === undefined ? [] : [{ ...each, meter }];
    });
    return new Stand(contenders, parts.move());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts.disposeAsync();
  }
}

/** Publishes one message and checks what a client receives. Returns the payload's bytes. */
async function check(
  endpoint: { readonly port: number; readonly protocol: Peer["protocol"] },
  { publisher, token }: { readonly publisher: Publisher; readonly token: string },
): Promise<number> {
  using client = await Connection.open(endpoint, { token, bufferBytes: RECEIVE_BYTES });
  await publisher.publish(1);
  const { payload } = await client.next();
  assert.ok(new TextDecoder().decode(payload).includes(TEXT), "a client is sent what is published");
  return payload.length;
}
