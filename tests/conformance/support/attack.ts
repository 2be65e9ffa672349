/**
 * A gateway under attack: the cost to it, and to another client.
 *
 * @module
 */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import type { Outcome, Plan } from "./attacker.ts";
import { Peer } from "./peer.ts";
import type { GatewayProcess } from "./process.ts";
import { peakBytes, residentBytes } from "./resources.ts";
import { someone } from "./target.ts";
import { pause, within } from "./wait.ts";

/** The interval of the other client's heartbeats, in milliseconds. */
const BEAT_MS = 100;
/** Connections take turns, because each may send 120 frames in 60 s. */
const VICTIMS = 6;

/** Measurements from outside. */
export interface Effects<T> {
  readonly result: T;
  /** The longest round trip of another client's heartbeat, in milliseconds. */
  readonly stallMs: number;
  /** The growth of the resident size at its peak, in MB. */
  readonly grownMb: number;
  /** The status of `GET /health` meanwhile, asked once a second. */
  readonly health: readonly number[];
}

/** Measures `gateway` from outside while `attack` runs. */
export async function watch<T>(
  gateway: GatewayProcess,
  attack: () => Promise<T>,
): Promise<Effects<T>> {
  const token = await gateway.backend.login(someone("victim"));
  const peers = await Promise.all(
    Array.from({ length: VICTIMS }, () => Peer.ready(gateway.wsUrl, { token })),
  );
  const before = await residentBytes(gateway.pid, { resetPeak: true });
  const roundTrips: number[] = [];
  const health: number[] = [];
  const open: Promise<void>[] = [];
  let over = false;
  const beats = (async () => {
    for (let count = 0; !over || count === 0; count++) {
      const victim = peers[count % VICTIMS]?.peer;
      if (victim !== undefined) open.push(roundTrip(victim).then((ms) => void roundTrips.push(ms)));
      if (count % (1000 / BEAT_MS) === 0) {
        open.push(askHealth(gateway).then((s) => void health.push(s)));
      }
      await pause(BEAT_MS);
    }
  })();
  try {
    const result = await attack();
    over = true;
    await beats;
    await Promise.all(open);
    const grownMb = (await peakBytes(gateway.pid) - before) / 1e6;
    return { result, stallMs: Math.max(...roundTrips), grownMb, health };
  } finally {
    over = true;
    await beats;
    await Promise.allSettled(open);
    for (const { peer } of peers) peer[Symbol.dispose]();
  }
}

/** Runs `attacker.ts` with `plan`. */
export async function attack(plan: Plan): Promise<Outcome> {
  const program = fileURLToPath(new URL("attacker.ts", import.meta.url));
  const { success, stdout } = await within(
    "the attacker to end",
    new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--no-prompt",
        "--no-check",
        "--no-lock",
        "--allow-net",
        program,
        JSON.stringify(plan),
      ],
      stderr: "inherit",
    }).output(),
    { limitMs: plan.ms + 30_000 },
  );
  assert.ok(success, "the attacker failed");
  return JSON.parse(new TextDecoder().decode(stdout));
}

/** `Infinity` for a heartbeat that was not acknowledged. */
async function roundTrip(peer: Peer): Promise<number> {
  const from = performance.now();
  try {
    await peer.raw.json({ op: 10, time: 1 });
    assert.deepEqual(await peer.next("the ACK"), { op: 11, time: 1 });
    return performance.now() - from;
  } catch {
    return Infinity;
  }
}

/** 0 if there is no answer. */
async function askHealth(gateway: GatewayProcess): Promise<number> {
  try {
    return (await within("/health", gateway.backend.request("GET", "/health"))).status;
  } catch {
    return 0;
  }
}
