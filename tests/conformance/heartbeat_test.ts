/**
 * Heartbeats both ways; and 4002, with its time measured at the client.
 *
 * Only this file judges time. The lower bound is exact up to {@linkcode CLOCK_MS}. The upper bound of 250 ms is
 * tried up to three times, because this process may also be late to read.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Peer } from "./support/peer.ts";
import { closeInfo, type RawClient } from "./support/raw_client.ts";
import { suite } from "./support/suite.ts";
import { someone, type Target } from "./support/target.ts";
import { WireOp } from "./support/wire.ts";

const INTERVAL_MS = 500;
/** The longest interval for which this file is worth its time. */
const PATIENCE_MS = 5000;
/** The most that the 4002 may be late, after heartbeat and interval. */
const LATE_MS = 250;
/** The limit for rounding `time` to milliseconds, and for the way from the gateway to this process. */
const CLOCK_MS = 5;
const TRIES = 3;
const PEERS = 20;

suite("heartbeats", {
  hints: { GATEWAY_HEARTBEAT_INTERVAL_MS: String(INTERVAL_MS) },
  checks: {
    "a client's beat is answered at once with its own time, before Identify": async (gateway) => {
      using peer = await Peer.connect(gateway.wsUrl);
      await peer.next("Hello");
      for (const time of [0, 1, 1579276740336, Number.MAX_SAFE_INTEGER]) {
        await peer.raw.json({ op: 10, time });
        assert.deepEqual(await peer.next("the ACK"), { op: 11, time });
      }
    },

    "an ACK that answers no beat is ignored": async (gateway) => {
      using peer = await gateway.peer(someone());
      await peer.raw.json({ op: 11, time: 12345 });
      await peer.raw.json({ op: 10, time: 6 });
      assert.deepEqual(await peer.next("the ACK"), { op: 11, time: 6 });
    },

    "a client that acknowledges each beat stays, though it sends none, ready or not": async (
      gateway,
    ) => {
      await Promise.all([true, false].map(async (identifies) => {
        using client = await greeted(gateway);
        if (identifies) await identify(gateway, client);
        let last = 0;
        for (let count = 0; count < 5; count++) {
          const beat = await client.nextJson("a heartbeat");
          assert.deepEqual(Object.keys(beat), ["op", "time"]);
          assert.equal(beat["op"], 10);
          const time = Number(beat["time"]);
          assert.ok(Number.isSafeInteger(time) && time > last, `${time} after ${last}`);
          last = time;
          // The second ACK answers nothing.
          await client.json({ op: 11, time });
          await client.json({ op: 11, time });
        }
      }));
    },

    "a beat that is not acknowledged is 4002 after one interval, and not 250 ms later": async (
      gateway,
    ) => {
      for (let tries = 1;; tries++) {
        const { earlyMs, lateMs } = await measureTimeouts(gateway);
        assert.ok(earlyMs <= CLOCK_MS, `closed ${earlyMs} ms before its interval was over`);
        if (lateMs <= LATE_MS) return;
        assert.ok(tries < TRIES, `closed ${lateMs} ms late, ${TRIES} times over ${LATE_MS} ms`);
      }
    },
  },
});

/**
 * Many clients stop acknowledging. Returns the most that one was closed too early and too late. The
 * heartbeat's `time` is when it was sent; the fastest of all heartbeats gives the difference between the
 * clocks.
 */
async function measureTimeouts(gateway: Target): Promise<{ earlyMs: number; lateMs: number }> {
  const indices = Array.from({ length: PEERS }, (_, index) => index);
  const seen = await Promise.all(indices.map((index) => stopAnswering(gateway, index)));
  const offset = Math.min(...seen.flatMap(({ beats }) => beats.map((beat) => beat.at - beat.time)));
  const lateness = seen.map(({ intervalMs, beats, closedAt }) => {
    const unanswered = beats.at(-1);
    assert.ok(unanswered !== undefined);
    return closedAt - (unanswered.time + offset) - intervalMs;
  });
  return { earlyMs: -Math.min(...lateness), lateMs: Math.max(...lateness) };
}

interface Timeout {
  readonly intervalMs: number;
  /** The arrival of each heartbeat on this process's clock, with its `time`. The last one was not acknowledged. */
  readonly beats: readonly { readonly at: number; readonly time: number }[];
  readonly closedAt: number;
}

/** Acknowledges one heartbeat and then none. Half of the clients identify, half acknowledge another time. */
async function stopAnswering(gateway: Target, index: number): Promise<Timeout> {
  using client = await gateway.connect();
  const intervalMs = Number((await client.nextJson("Hello"))["heartbeat_interval"]);
  if (index % 2 === 0) await identify(gateway, client);
  const beats: { at: number; time: number }[] = [];
  for (;;) {
    const frame = await client.next("a heartbeat or a close frame");
    const at = performance.now();
    assert.ok(frame !== undefined, "the connection ended without a close frame");
    if (frame.opcode === WireOp.Close) {
      assert.equal(closeInfo(frame).code, 4002);
      assert.equal(beats.length, 2, "closed after the second beat, the first unanswered one");
      return { intervalMs, beats, closedAt: at };
    }
    const beat = JSON.parse(new TextDecoder().decode(frame.payload));
    assert.equal(beat.op, 10);
    beats.push({ at, time: beat.time });
    if (beats.length === 1) await client.json({ op: 11, time: beat.time });
    else if (index % 4 < 2) await client.json({ op: 11, time: beat.time - 1 });
  }
}

async function greeted(gateway: Target): Promise<RawClient> {
  const client = await gateway.connect();
  const interval = Number((await client.nextJson("Hello"))["heartbeat_interval"]);
  const hint = `start the gateway with GATEWAY_HEARTBEAT_INTERVAL_MS of ${PATIENCE_MS} at most`;
  assert.ok(interval <= PATIENCE_MS, hint);
  return client;
}

async function identify(gateway: Target, client: RawClient): Promise<void> {
  await client.json({ op: 1, token: await gateway.backend.login(someone()) });
  assert.equal((await client.nextJson("Ready"))["op"], 2);
}
