/**
 * A hostile client, in its own process so that it does not slow down the measurement: reads a {@linkcode Plan}
 * as JSON from its only argument, executes it, and prints an {@linkcode Outcome}.
 *
 * It is bounded in time and in bytes, and reads while it writes, so that it gets close codes.
 *
 * @module
 */

import { closeInfo, HandshakeRefused, RawClient } from "./raw_client.ts";
import { pause } from "./wait.ts";
import { encodeFrame, WireOp } from "./wire.ts";

export const FLOOD_KINDS = [
  "pongs",
  "pings",
  "empty fragments",
  "1-byte fragments",
  "an endless message",
  "60 MB frames",
] as const;
/** A kind of flood, or one refused token. */
export type Flood = (typeof FLOOD_KINDS)[number] | "a bad token";

export interface Plan {
  /** The gateway's WebSocket URL. */
  readonly url: string;
  readonly flood: Flood;
  readonly connections: number;
  /** The duration in milliseconds. */
  readonly ms: number;
  /** The token to identify with first. */
  readonly token?: string;
  /** True to reconnect after a close, false to continue writing. */
  readonly again?: boolean;
}

export interface Outcome {
  /** Connections that were opened, also one after the other. */
  readonly connections: number;
  /**
   * The number of times that each close code came, or the status of a refused handshake; `none` for connections
   * that ended without either.
   */
  readonly codes: Readonly<Record<string, number>>;
  /** The amount written, in MB. */
  readonly megabytes: number;
}

/** The limit for the close code after the flood. */
const GRACE_MS = 2000;
const CHUNK_BYTES = 64 * 1024;
const HUGE_BYTES = 60e6;
const MAX_BYTES = 64 * 1024 ** 3;

/** The first bytes of each flood, and the bytes to repeat. */
const FLOODS: Readonly<Record<Flood, () => readonly [Uint8Array, Uint8Array]>> = {
  "pongs": () => [NOTHING, repeated(frame({ opcode: WireOp.Pong }))],
  "pings": () => [NOTHING, repeated(frame({ opcode: WireOp.Ping }))],
  "empty fragments": () => [
    frame({ fin: false }),
    repeated(frame({ opcode: WireOp.Continuation, fin: false })),
  ],
  "1-byte fragments": () => [
    frame({ fin: false }),
    repeated(frame({ opcode: WireOp.Continuation, fin: false, payload: "x" })),
  ],
  "an endless message": () => [
    frame({ fin: false }),
    repeated(frame({ opcode: WireOp.Continuation, fin: false, payload: "x".repeat(1000) })),
  ],
  "a bad token": () => [frame({ payload: '{"op":1,"token":"bad"}' }), NOTHING],
  "60 MB frames": () => [NOTHING, hugeFrame()],
};
const NOTHING = new Uint8Array();
const frame = encodeFrame;

if (import.meta.main) {
  const plan: Plan = JSON.parse(Deno.args[0] ?? "");
  const codes: Record<string, number> = {};
  const tally = { connections: 0, bytes: 0 };
  const until = performance.now() + plan.ms;
  const loops = Array.from({ length: plan.connections }, async () => {
    do {
      tally.connections += 1;
      const code = await flood(plan, until, (bytes) => tally.bytes += bytes).catch(statusOf);
      codes[code ?? "none"] = (codes[code ?? "none"] ?? 0) + 1;
    } while (plan.again === true && performance.now() < until);
  });
  await Promise.all(loops);
  const outcome: Outcome = {
    connections: tally.connections,
    codes,
    megabytes: tally.bytes / 1e6,
  };
  console.log(JSON.stringify(outcome));
  Deno.exit();
}

/** One connection; returns the gateway's close code. */
async function flood(
  plan: Plan,
  until: number,
  written: (bytes: number) => number,
): Promise<number | undefined> {
  using client = await RawClient.connect(plan.url);
  await client.nextJson("Hello");
  if (plan.token !== undefined) {
    await client.json({ op: 1, token: plan.token });
    await client.nextJson("Ready");
  }
  const code = readCode(client);
  const over = plan.again === true ? code : new Promise<never>(() => {});
  let open = true;
  void over.then(() => open = false);
  const [first, rest] = FLOODS[plan.flood]();
  const writing = (async () => {
    await client.bytes(first);
    for (let at = 0; rest.length > 0 && open && performance.now() < until;) {
      const chunk = rest.subarray(at, at + CHUNK_BYTES);
      await client.bytes(chunk);
      if (written(chunk.length) > MAX_BYTES) return;
      at = at + chunk.length >= rest.length ? 0 : at + chunk.length;
    }
  })().catch(() => {});
  // A gateway that stops reading blocks the writer.
  if (rest.length > 0) {
    await Promise.race([writing, over, pause(Math.max(0, until - performance.now()))]);
  }
  return await Promise.race([code, pause(GRACE_MS).then(() => undefined)]);
}

function statusOf(error: unknown): number {
  if (error instanceof HandshakeRefused) return error.status;
  throw error;
}

async function readCode(client: RawClient): Promise<number | undefined> {
  for (;;) {
    const next = await client.nextEver();
    if (next === undefined) return undefined;
    if (next.opcode === WireOp.Close) return closeInfo(next).code;
  }
}

/** Masked with zeros, because masking is slow. */
function hugeFrame(): Uint8Array {
  const header = frame({ announcedBytes: HUGE_BYTES });
  const bytes = new Uint8Array(header.length + HUGE_BYTES);
  bytes.set(header);
  return bytes;
}

function repeated(bytes: Uint8Array): Uint8Array {
  const count = Math.floor(CHUNK_BYTES / bytes.length);
  const many = new Uint8Array(count * bytes.length);
  for (let index = 0; index < count; index++) many.set(bytes, index * bytes.length);
  return many;
}
