/**
 * Frames that a client must not send: they close with 4001, or with 1009 if they are too long.
 *
 * @module
 */

import assert from "node:assert/strict";
import { TRANSPORT } from "./support/process.ts";
import type { RawClient } from "./support/raw_client.ts";
import { type Check, suite } from "./support/suite.ts";
import { someone, type Target } from "./support/target.ts";
import { type FrameSpec, WireOp } from "./support/wire.ts";

/** By their fault: text, or the frames to send. */
type Cases = Readonly<Record<string, string | readonly FrameSpec[]>>;

const MALFORMED: Cases = {
  "an empty message": "",
  "white space": "  \n",
  "text that is no JSON": "hello",
  "JSON that breaks off": '{"op":10,"time":1',
  "JSON with something after it": '{"op":10,"time":1} {}',
  "JSON with a trailing comma": '{"op":10,"time":1,}',
  "JSON with single quotes": "{'op':10,'time':1}",
  "a string": '"op"',
  "a number": "10",
  "null": "null",
  "true": "true",
  "an array": "[]",
  "an array of frames": '[{"op":10,"time":1}]',
  "an empty object": "{}",
  "op missing": '{"time":1}',
  "op as a string": '{"op":"10","time":1}',
  "op null": '{"op":null}',
  "op as an array": '{"op":[10],"time":1}',
  "op true": '{"op":true,"token":"x"}',
  "op unknown": '{"op":4}',
  "op negative": '{"op":-1}',
  "op no integer": '{"op":10.5,"time":1}',
  "op beyond any integer": '{"op":1e400}',
  "op only on the prototype": '{"__proto__":{"op":10,"time":1}}',
  "OP in capitals": '{"OP":10,"time":1}',
  "Hello, which only the gateway sends": '{"op":0,"heartbeat_interval":1000}',
  "Ready, which only the gateway sends": '{"op":2,"user":"alice","last_id":"a-1"}',
  "Message, which only the gateway sends":
    '{"op":3,"id":"a-1","author":"7","content":"hi","time":1}',
  "Identify without a token": '{"op":1}',
  "Identify with an empty token": '{"op":1,"token":""}',
  "Identify with a number for a token": '{"op":1,"token":7}',
  "Identify with null for a token": '{"op":1,"token":null}',
  "Identify with a number for last_id": '{"op":1,"token":"x","last_id":7}',
  "Identify with null for last_id": '{"op":1,"token":"x","last_id":null}',
  "Heartbeat without time": '{"op":10}',
  "Heartbeat with time as a string": '{"op":10,"time":"1"}',
  "Heartbeat with time null": '{"op":10,"time":null}',
  "Heartbeat with time no integer": '{"op":10,"time":1.5}',
  "Heartbeat with time negative": '{"op":10,"time":-1}',
  "Heartbeat with time beyond 2^53": '{"op":10,"time":9007199254740993}',
  "ACK without time": '{"op":11}',
  "ACK with time as a string": '{"op":11,"time":"1"}',
  "nesting to the limit of a frame": `{"op":10,"time":${"[".repeat(2000)}${"]".repeat(2000)}}`,
  "a binary frame": [{ opcode: WireOp.Binary, payload: '{"op":10,"time":1}' }],
  "an empty binary frame": [{ opcode: WireOp.Binary }],
  "a byte order mark before the object": '\uFEFF{"op":10,"time":1}',
};

/** Longer than `maxFrameBytes` of any gateway under test. */
const TOO_LONG: Cases = {
  "text of 100 KB": [{ payload: `{"op":10,"time":1,"pad":"${"x".repeat(100_000)}"}` }],
  "binary of 100 KB": [{ opcode: WireOp.Binary, payload: new Uint8Array(100_000) }],
  "one byte over the limit": [{ payload: padded(4097) }],
  "one byte over the limit, counted in UTF-8": [{ payload: padded(4097, "é") }],
  "over the limit in fragments": [
    { fin: false, payload: padded(4090) },
    { opcode: WireOp.Continuation, payload: " ".repeat(10) },
  ],
};

suite("malformed frames", {
  checks: {
    ...closing(MALFORMED, 4001),
    ...closing(TOO_LONG, 1009),

    "a frame of exactly the limit is read": async (gateway) => {
      for (const pad of ["x", "é"]) {
        using client = await greeted(gateway);
        await client.text(padded(4096, pad));
        assert.deepEqual(await client.nextJson("the ACK"), { op: 11, time: 1 });
      }
    },

    "unknown fields are ignored": async (gateway) => {
      using client = await greeted(gateway);
      await client.text('{"time":8,"op":10,"constructor":{},"more":[1,{"op":3}],"":null}');
      assert.deepEqual(await client.nextJson("the ACK"), { op: 11, time: 8 });
    },

    "a client that is ready is closed with 4001 as well, and is gone": async (gateway) => {
      const user = someone();
      using peer = await gateway.peer(user);
      await peer.raw.text('{"op":3}');
      assert.equal(await peer.closeCode(), 4001);
      await gateway.presence(user, 0);
    },

    "nothing that follows a malformed frame is answered": async (gateway) => {
      using client = await greeted(gateway);
      await client.send({ payload: "no" }, { payload: '{"op":10,"time":1}' });
      const frame = await client.next("a close frame");
      // Deno.serve loses some close frames to a client that is sending.
      const isLost = TRANSPORT === "deno" && frame === undefined;
      assert.ok(isLost || frame?.opcode === WireOp.Close, `op ${frame?.opcode}`);
    },

    "text that is not UTF-8 ends the connection": async (gateway) => {
      using client = await greeted(gateway);
      await client.send({ payload: new Uint8Array([0x22, 0xff, 0xfe, 0x22]) });
      await client.ended();
    },

    "a frame with reserved bits ends the connection": async (gateway) => {
      using client = await greeted(gateway);
      await client.send({ opcode: WireOp.Text | 0x40, payload: '{"op":10,"time":1}' });
      await client.ended();
    },

    "a continuation of nothing ends the connection": async (gateway) => {
      using client = await greeted(gateway);
      await client.send({ opcode: WireOp.Continuation, payload: '{"op":10,"time":1}' });
      await client.ended();
    },

    "the gateway serves the next client as if nothing had been": async (gateway) => {
      const user = someone();
      using peer = await gateway.peer(user);
      await gateway.backend.publish({ user, author: "1", content: "still here" });
      assert.equal((await peer.nextMessage())["content"], "still here");
    },
  },
});

suite("frames that announce more than they bring", {
  settings: { GATEWAY_IDENTIFY_TIMEOUT_MS: "300", GATEWAY_CLOSE_GRACE_MS: "100" },
  checks: {
    "one that announces 1 GB and stalls does not outlive the deadline": async (gateway) => {
      using client = await greeted(gateway);
      await client.send({ payload: '{"op":', announcedBytes: 1024 ** 3 });
      await client.ended();
    },

    "one that announces 1 MB and stalls is told, by the deadline": async (gateway) => {
      using client = await greeted(gateway);
      await client.send({ payload: '{"op":', announcedBytes: 1024 ** 2 });
      // Deno assembles a message before its length is checked.
      const code = TRANSPORT === "node" ? 1009 : 4004;
      // Any later answer still belongs to its 1 MB.
      assert.equal((await client.closeFrame()).code, code);
    },

    "a message that never ends its fragments does not outlive the deadline": async (gateway) => {
      using client = await greeted(gateway);
      await client.send({ fin: false, payload: '{"op":' });
      await closesWith(client, 4004);
    },
  },
});

/** A heartbeat of `bytes` bytes in UTF-8. */
function padded(bytes: number, pad = "x"): string {
  const [head, tail] = ['{"op":10,"time":1,"pad":"', '"}'];
  const room = bytes - head.length - tail.length;
  const width = new TextEncoder().encode(pad).length;
  return head + pad.repeat(Math.floor(room / width)) + "x".repeat(room % width) + tail;
}

async function greeted(gateway: Target): Promise<RawClient> {
  const client = await gateway.connect();
  assert.equal((await client.nextJson("Hello"))["op"], 0);
  return client;
}

/** Asserts a close frame with `code` and a reason, and the end of the connection after its answer. */
async function closesWith(client: RawClient, code: number): Promise<void> {
  const close = await client.closeFrame();
  assert.equal(close.code, code, close.reason);
  assert.notEqual(close.reason, "", "a close says why");
  await client.close(code);
  await client.ended();
}

/** Checks that each of `cases` closes with `code`. */
function closing(cases: Cases, code: number): Record<string, Check> {
  return Object.fromEntries(
    Object.entries(cases).map(([name, bad]) => [`${name} is ${code}`, async (gateway: Target) => {
      using client = await greeted(gateway);
      await client.send(...(typeof bad === "string" ? [{ payload: bad }] : bad));
      await closesWith(client, code);
    }]),
  );
}
