/**
 * Limits: on frames (4008), on connections (1013), and the HTTP answer when there is not even room for
 * 1013.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Peer } from "./support/peer.ts";
import { TRANSPORT } from "./support/process.ts";
import { HandshakeRefused, type RawClient } from "./support/raw_client.ts";
import { suite } from "./support/suite.ts";
import { someone, type Target } from "./support/target.ts";
import { eventually } from "./support/wait.ts";
import { encodeFrame, WireOp } from "./support/wire.ts";

/** The limit of frames in 60 s (docs/protocol.md, "Rate limit"). */
const RATE_LIMIT = 120;

suite("the rate limit", {
  oneProcess: true,
  checks: {
    "120 frames are read, the next one is 4008": async (gateway) => {
      using client = await gateway.connect();
      assert.equal((await client.nextJson("Hello"))["op"], 0);
      for (let time = 1; time <= RATE_LIMIT; time++) {
        await client.json({ op: 10, time });
        assert.deepEqual(await client.nextJson("the ACK"), { op: 11, time });
      }
      await client.json({ op: 11, time: 1 });
      assert.equal((await client.closeFrame()).code, 4008);
    },

    "a flood is 4008, whatever of it is still on its way": async (gateway) => {
      const beat = [...encodeFrame({ payload: '{"op":10,"time":1}' })];
      for (const count of [RATE_LIMIT + 1, RATE_LIMIT * 3]) {
        using client = await gateway.connect();
        await client.bytes(new Uint8Array(Array.from({ length: count }, () => beat).flat()));
        assert.equal((await client.closeFrame(`4008 after ${count} frames`)).code, 4008);
      }
    },

    "a ready client that floods is closed with 4008 and is gone": async (gateway) => {
      const user = someone();
      using peer = await gateway.peer(user);
      for (let time = 1; time <= RATE_LIMIT; time++) await peer.raw.json({ op: 10, time });
      assert.equal(await peer.closeCode(), 4008);
      await gateway.presence(user, 0);
    },

    "pings and pongs count as frames, where the transport shows them": async (gateway) => {
      using client = await gateway.connect();
      await client.nextJson("Hello");
      for (let count = 0; count < RATE_LIMIT / 2; count++) {
        await client.send({ opcode: WireOp.Pong }, { opcode: WireOp.Ping });
        assert.equal((await client.next("a pong"))?.opcode, WireOp.Pong);
      }
      await client.json({ op: 10, time: 1 });
      if (TRANSPORT === "node") {
        assert.equal((await client.closeFrame()).code, 4008);
        return;
      }
      assert.deepEqual(await client.nextJson("the ACK"), { op: 11, time: 1 });
    },
  },
});

suite("the limit of connections in all", {
  oneProcess: true,
  settings: { GATEWAY_MAX_CONNECTIONS: "3", GATEWAY_CLOSE_GRACE_MS: "20000" },
  checks: {
    "one more is 1013, and those that are there stay": (gateway) => limitOf(3, gateway),

    "so many more that they cannot even be told by a close code get a 503": async (gateway) => {
      const there = await connectAll(gateway, 3);
      const told: RawClient[] = [];
      try {
        const refusal = await new Promise<HandshakeRefused>((resolve, reject) => {
          const more = async (): Promise<void> => {
            while (told.length < 1000) told.push(await gateway.connect());
            reject(new Error("1000 more were all let in to be told"));
          };
          more().catch((error) =>
            error instanceof HandshakeRefused ? resolve(error) : reject(error)
          );
        });
        assert.equal(refusal.status, 503);
        assert.equal(JSON.parse(refusal.body).code, "too_many_connections");
        for (const client of told) assert.equal((await client.closeFrame()).code, 1013);
      } finally {
        for (const client of [...there, ...told]) client[Symbol.dispose]();
      }
      await hasRoom(gateway);
    },
  },
});

suite("the limit of connections from one address", {
  oneProcess: true,
  settings: { GATEWAY_MAX_CONNECTIONS_PER_IP: "2" },
  checks: {
    "one more is 1013, and those that are there stay": (gateway) => limitOf(2, gateway),
  },
});

suite("the limit behind a proxy", {
  oneProcess: true,
  settings: { GATEWAY_MAX_CONNECTIONS_PER_IP: "1", GATEWAY_TRUSTED_PROXIES: "1" },
  checks: {
    "counts by the address that the proxy saw, not by what a client claims": async (gateway) => {
      const from = (forwarded: string): Promise<Peer> =>
        Peer.connect(gateway.wsUrl, { headers: { "X-Forwarded-For": forwarded } });
      using first = await from("192.0.2.1");
      using second = await from("192.0.2.2");
      using liar = await from("192.0.2.9, 192.0.2.1");
      assert.equal((await first.next("Hello"))["op"], 0);
      assert.equal((await second.next("Hello"))["op"], 0);
      assert.equal(await liar.closeCode(), 1013);
    },
  },
});

suite("the limit of connections that have not identified", {
  oneProcess: true,
  settings: { GATEWAY_MAX_UNIDENTIFIED: "2" },
  checks: {
    "one more is 1013, but who has identified does not count": async (gateway) => {
      using _a = await gateway.peer(someone());
      using _b = await gateway.peer(someone());
      using _c = await gateway.peer(someone());
      await limitOf(2, gateway);
    },
  },
});

suite("the limit of connections of one user", {
  settings: { GATEWAY_MAX_CONNECTIONS_PER_USER: "2" },
  checks: {
    "the newest stay, and the oldest is closed with 4011, whatever node it is on": async (
      gateway,
    ) => {
      const user = someone();
      await using other = await gateway.member(someone());
      await using oldest = await gateway.member(user);
      await using second = await gateway.member(user);
      await using third = await gateway.member(user);
      assert.equal(await oldest.closeCode(), 4011);
      await gateway.presence(user, 2);
      await using fourth = await gateway.member(user);
      assert.equal(await second.closeCode(), 4011);
      await gateway.presence(user, 2);
      const { id } = await gateway.backend.publish({ author: "1", content: "still here" });
      for (const each of [third, fourth, other]) assert.equal((await each.nextMessage()).id, id);
    },
  },
});

/** Fills the gateway with `count` connections, asserts that it refuses more, and accepts one after one leaves. */
async function limitOf(count: number, gateway: Target): Promise<void> {
  const clients = await connectAll(gateway, count);
  try {
    using refused = await Peer.connect(gateway.wsUrl);
    assert.equal(await refused.closeCode(), 1013);
    for (const client of clients) {
      await client.json({ op: 10, time: 1 });
      assert.deepEqual(await client.nextJson("the ACK"), { op: 11, time: 1 });
    }
  } finally {
    for (const client of clients) client[Symbol.dispose]();
  }
  await hasRoom(gateway);
}

async function connectAll(gateway: Target, count: number): Promise<RawClient[]> {
  const clients: RawClient[] = [];
  while (clients.length < count) {
    const client = await gateway.connect();
    clients.push(client);
    assert.equal((await client.nextJson("Hello"))["op"], 0);
  }
  return clients;
}

/** Waits until the gateway says Hello to another client. */
async function hasRoom(gateway: Target): Promise<void> {
  await eventually("room for a connection", async () => {
    try {
      using client = await gateway.connect();
      const frame = await client.next("Hello or a refusal");
      return frame?.opcode === WireOp.Text ? true : undefined;
    } catch (error) {
      if (error instanceof HandshakeRefused) return undefined;
      throw error;
    }
  });
}
