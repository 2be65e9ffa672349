/**
 * From TCP to Hello, and duties of every server under RFC 6455: pings, fragments, closing.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Peer } from "./support/peer.ts";
import { closeInfo, HandshakeRefused, type Headings } from "./support/raw_client.ts";
import { suite } from "./support/suite.ts";
import { someone, type Target } from "./support/target.ts";
import { encodeFrame, WireOp } from "./support/wire.ts";

suite("handshake", {
  checks: {
    "Hello is the first frame, at once, without a word from the client": async (gateway) => {
      using client = await gateway.connect();
      const hello = await client.nextJson("Hello");
      assert.equal(hello["op"], 0);
      assert.ok(Number.isSafeInteger(hello["heartbeat_interval"]), JSON.stringify(hello));
      assert.deepEqual(Object.keys(hello), ["op", "heartbeat_interval"]);
    },

    "Hello comes to each of 100 clients that connect together": async (gateway) => {
      const clients = await Promise.all(Array.from({ length: 100 }, () => gateway.connect()));
      try {
        for (const client of clients) assert.equal((await client.nextJson("Hello"))["op"], 0);
      } finally {
        for (const client of clients) client[Symbol.dispose]();
      }
    },

    "a request that asks for no WebSocket is answered with 426": async (gateway) => {
      const { status, headers, body } = await gateway.backend.request("GET", "/gateway");
      assert.equal(status, 426);
      assert.match(headers.get("content-type") ?? "", /^application\/problem\+json/);
      assert.equal((body as { code: string }).code, "upgrade_required");
    },

    "a handshake without a proper key is refused": async (gateway) => {
      for (const key of [undefined, "", "c2hvcnQ="]) {
        const refusal = await refused(gateway, { "Sec-WebSocket-Key": key });
        assert.ok([400, 426].includes(refusal.status), `${refusal.status} for the key ${key}`);
        assert.match(refusal.headers.get("content-type") ?? "", /^application\/problem\+json/);
      }
    },

    "a Host with a path in it does not choose the route": async (gateway) => {
      for (const host of ["x/metrics?", "x/openapi.json#", "user@x", "a b", "x\\y"]) {
        const { status, body } = await refused(gateway, { Host: host });
        assert.equal(status, 400, host);
        assert.match(String(body), /invalid_host|^$/, host);
      }
    },

    "a handshake of another version of WebSocket is refused": async (gateway) => {
      const { status } = await refused(gateway, { "Sec-WebSocket-Version": "8" });
      assert.ok(status === 400 || status === 426, `status ${status}`);
    },

    "a handshake that offers compression is accepted without it": async (gateway) => {
      using client = await gateway.connect({
        headers: { "Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits" },
      });
      assert.equal((await client.nextJson("Hello"))["op"], 0);
    },

    "a ping is answered by a pong with the same payload": async (gateway) => {
      using client = await gateway.connect();
      await client.nextJson("Hello");
      await client.send({ opcode: WireOp.Ping, payload: "are you there?" });
      const pong = await client.next("a pong");
      assert.equal(pong?.opcode, WireOp.Pong);
      assert.equal(new TextDecoder().decode(pong?.payload), "are you there?");
    },

    "a pong that nobody asked for is ignored": async (gateway) => {
      using client = await gateway.connect();
      await client.nextJson("Hello");
      await client.send({ opcode: WireOp.Pong, payload: "yes" });
      await client.json({ op: 10, time: 5 });
      assert.deepEqual(await client.nextJson("the ACK"), { op: 11, time: 5 });
    },

    "a message in fragments counts as one, pings between them are answered": async (gateway) => {
      using client = await gateway.connect();
      await client.nextJson("Hello");
      await client.send(
        { fin: false, payload: '{"op":10,' },
        { opcode: WireOp.Ping, payload: "1" },
        { opcode: WireOp.Continuation, fin: false, payload: '"time":' },
        { opcode: WireOp.Continuation, payload: "17}" },
      );
      assert.equal((await client.next("a pong"))?.opcode, WireOp.Pong);
      assert.deepEqual(await client.nextJson("the ACK"), { op: 11, time: 17 });
    },

    "a frame that arrives byte by byte counts as one": async (gateway) => {
      using client = await gateway.connect();
      await client.nextJson("Hello");
      for (const byte of encodeFrame({ payload: '{"op":10,"time":99}' })) {
        await client.bytes(new Uint8Array([byte]));
      }
      assert.deepEqual(await client.nextJson("the ACK"), { op: 11, time: 99 });
    },

    "two frames in one TCP segment are both read": async (gateway) => {
      using client = await gateway.connect();
      await client.nextJson("Hello");
      const frames = [1, 2].map((time) => encodeFrame({ payload: `{"op":10,"time":${time}}` }));
      await client.bytes(new Uint8Array(frames.flatMap((frame) => [...frame])));
      assert.deepEqual(await client.nextJson("the first ACK"), { op: 11, time: 1 });
      assert.deepEqual(await client.nextJson("the second ACK"), { op: 11, time: 2 });
    },

    "an unmasked frame is answered or closed on, never left hanging": async (gateway) => {
      using client = await gateway.connect();
      await client.nextJson("Hello");
      await client.send({ masked: false, payload: '{"op":10,"time":3}' });
      const frame = await client.next("an answer to an unmasked frame");
      if (frame?.opcode !== WireOp.Text) return;
      assert.equal(new TextDecoder().decode(frame.payload), '{"op":11,"time":3}');
    },

    "a client's close is answered, and the connection ends": async (gateway) => {
      using client = await gateway.connect();
      await client.nextJson("Hello");
      await client.close(1000);
      const frame = await client.next("the answer to a close frame");
      assert.equal(frame?.opcode, WireOp.Close);
      assert.equal(frame && closeInfo(frame).code, 1000);
      await client.ended();
    },

    "a client that vanishes without a close frame is forgotten": async (gateway) => {
      const user = someone();
      const peer = await gateway.peer(user);
      assert.equal((await gateway.backend.presence(user)).connections, 1);
      peer[Symbol.dispose]();
      await gateway.presence(user, 0);
    },

    "the client that JavaScript brings along is served too": async (gateway) => {
      const socket = new WebSocket(gateway.wsUrl);
      const hello = await new Promise<MessageEvent>((resolve, reject) => {
        socket.onmessage = resolve;
        socket.onerror = () => reject(new Error("no Hello"));
      });
      assert.equal(JSON.parse(hello.data).op, 0);
      const closed = new Promise((resolve) => socket.onclose = resolve);
      socket.close(1000);
      await closed;
    },
  },
});

suite("origins", {
  settings: { GATEWAY_ALLOWED_ORIGINS: "https://app.example,https://admin.example:8443" },
  checks: {
    "a page of an allowed origin may connect": async (gateway) => {
      for (const Origin of ["https://app.example", "https://admin.example:8443"]) {
        using peer = await Peer.connect(gateway.wsUrl, { headers: { Origin } });
        assert.equal((await peer.next("Hello"))["op"], 0);
      }
    },

    "a page of any other origin is refused with 403": async (gateway) => {
      const others = [
        "https://evil.example",
        "http://app.example",
        "https://app.example:444",
        "https://app.example.evil.example",
        "null",
      ];
      for (const Origin of others) {
        const { status, body } = await refused(gateway, { Origin });
        assert.equal(status, 403, Origin);
        assert.equal(JSON.parse(body).code, "origin_not_allowed", Origin);
      }
    },

    "a client that is no browser sends no origin and may connect": async (gateway) => {
      using peer = await Peer.connect(gateway.wsUrl);
      assert.equal((await peer.next("Hello"))["op"], 0);
    },
  },
});

/** The answer to a handshake that must be refused. */
async function refused(gateway: Target, headers: Headings): Promise<HandshakeRefused> {
  try {
    using _client = await gateway.connect({ headers });
  } catch (error) {
    if (error instanceof HandshakeRefused) return error;
    throw error;
  }
  return assert.fail(`a handshake with ${JSON.stringify(headers)} was accepted`);
}
