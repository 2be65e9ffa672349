/**
 * Rules that only the `node` transport enforces: on frames that RFC 6455 forbids, and on requests that mislead or
 * that exceed a limit.
 *
 * @module
 */

import assert from "node:assert/strict";
import { GatewayProcess, TRANSPORT } from "./support/process.ts";
import type { RawClient } from "./support/raw_client.ts";
import { processTest, skip, suite } from "./support/suite.ts";
import type { Target } from "./support/target.ts";
import { eventually, pause, within } from "./support/wait.ts";
import { type FrameSpec, WireOp } from "./support/wire.ts";

const WEB_SOCKET = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
  "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";
const BEAT = '{"op":10,"time":1}';

const FORBIDDEN: Readonly<Record<string, readonly [code: number, frame: FrameSpec]>> = {
  "an unmasked frame": [1002, { masked: false, payload: BEAT }],
  "a frame with reserved bits": [1002, { opcode: WireOp.Text | 0x40, payload: BEAT }],
  "a frame with a reserved opcode": [1002, { opcode: 3, payload: BEAT }],
  "a continuation of nothing": [1002, { opcode: WireOp.Continuation, payload: BEAT }],
  "a ping of 126 bytes": [1002, { opcode: WireOp.Ping, payload: "x".repeat(126) }],
  "a ping in fragments": [1002, { opcode: WireOp.Ping, fin: false }],
  "text that is not UTF-8": [1007, { payload: new Uint8Array([0x22, 0xff, 0xfe, 0x22]) }],
};

if (TRANSPORT !== "node") {
  skip("strictness", "GATEWAY_TRANSPORT=deno is not strict");
} else {
  suite("frames that RFC 6455 forbids", {
    checks: Object.fromEntries(
      Object.entries(FORBIDDEN).map(([name, [code, frame]]) => [
        `${name} is ${code}, with a reason`,
        async (gateway: Target) => {
          using client = await gateway.connect();
          await client.nextJson("Hello");
          await client.send(frame);
          const close = await client.closeFrame();
          assert.equal(close.code, code);
          assert.notEqual(close.reason, "");
          await client.close(code);
          await client.ended();
        },
      ]),
    ),
  });

  suite("requests that mislead", {
    checks: {
      "a handshake with Content-Length: 0 gets Hello, as Java's client sends it": async (
        gateway,
      ) => {
        using client: RawClient = await gateway.connect({ headers: { "Content-Length": "0" } });
        assert.equal((await client.nextJson("Hello"))["op"], 0);
      },

      "a POST that offers h2c is a POST": async (gateway) => {
        const body = JSON.stringify({ user: "a", author: "1", content: "x" });
        const head =
          "POST /messages HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\n" +
          "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\nAuthorization: Bearer dev\r\n" +
          `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`;
        assert.match(await answer(gateway, head + body), /^HTTP\/1.1 201 /);
      },

      "two Hosts are refused": async (gateway) => {
        const text = "GET /health HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n";
        assert.match(await answer(gateway, text), /^HTTP\/1.1 400 /);
      },

      "without a Host the path is still a path": async (gateway) => {
        for (const head of ["HTTP/1.0\r\n", "HTTP/1.1\r\nHost:\r\n"]) {
          assert.match(await answer(gateway, `GET /health ${head}\r\n`), /^HTTP\/1.1 200 /);
          assert.match(await answer(gateway, `GET /x/health ${head}\r\n`), /^HTTP\/1.1 404 /);
        }
      },

      "an upgrade behind an unanswered request is refused": async (gateway) => {
        const text = "GET /health HTTP/1.1\r\nHost: x\r\n\r\n" +
          `GET /gateway HTTP/1.1\r\nHost: x\r\n${WEB_SOCKET}\r\n`;
        assert.doesNotMatch(await answer(gateway, text), / 101 /);
      },

      "two lengths of a body are refused": async (gateway) => {
        const head = "POST /messages HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n";
        for (const other of ["Content-Length: 6", "Transfer-Encoding: chunked"]) {
          assert.match(
            await answer(gateway, `${head}${other}\r\n\r\n0\r\n\r\n`),
            /^HTTP\/1.1 400 /,
          );
        }
      },
    },
  });

  suite("requests that exceed a limit", {
    checks: {
      "a head of 65 KiB is 431": async (gateway) => {
        assert.match(await answer(gateway, head(65)), /^HTTP\/1.1 431 /);
      },

      "a head of 62 KiB is answered, so that backends can ask for 1,000 users": async (gateway) => {
        assert.match(await answer(gateway, head(62)), /^HTTP\/1.1 200 /);
      },

      "Expect: 100-continue is answered after the key was checked": async (gateway) => {
        const ask = (key: string, length: number): Promise<string> =>
          answer(
            gateway,
            `POST /messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${key}\r\n` +
              "Content-Type: application/json\r\nExpect: 100-continue\r\n" +
              `Content-Length: ${length}\r\n\r\n`,
          );
        assert.match(await ask("no", 10), /^HTTP\/1.1 401 /);
        assert.match(await ask("dev", 1e9), /^HTTP\/1.1 413 /);
        assert.match(await ask("dev", 10), /^HTTP\/1.1 100 /);
      },

      "a body over the limit is 413, which the client reads": async (gateway) => {
        const head = "POST /messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer dev\r\n" +
          "Content-Type: application/json\r\n";
        const length = 8e6;
        const whole = `${head}Content-Length: ${length}\r\n\r\n${"x".repeat(length)}`;
        assert.match(await answer(gateway, whole), /^HTTP\/1.1 413 /);
        const chunk = `10000\r\n${"x".repeat(0x10000)}\r\n`;
        const chunked = `${head}Transfer-Encoding: chunked\r\n\r\n${chunk.repeat(128)}`;
        assert.match(await answer(gateway, chunked), /^HTTP\/1.1 413 /);
      },

      "a body in thousands of tiny chunks ends the connection": async (gateway) => {
        const text = "POST /login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" +
          `Transfer-Encoding: chunked\r\n\r\n${"1\r\nx\r\n".repeat(50_000)}`;
        assert.equal(await answer(gateway, text), "");
      },

      "nothing is read from a client that floods after its own close frame": async (gateway) => {
        using client = await gateway.connect();
        await client.nextJson("Hello");
        await client.close(1000);
        await client.closeFrame();
        const flood = client.bytes(new Uint8Array(64e6)).then(() => "read", () => "ended");
        assert.notEqual(await Promise.race([flood, pause(1000).then(() => "held")]), "read");
      },

      "2,000 requests at once end the connection, and others are answered": async (gateway) => {
        const text = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n".repeat(2000);
        await answer(gateway, text);
        assert.equal((await gateway.backend.request("GET", "/health")).status, 200);
      },
    },
  });

  processTest(
    "a gateway without descriptors accepts again once there are some",
    withoutDescriptors,
  );
}

/** The gateway's first answer to `text`, or nothing if it ends the connection. */
async function answer({ url }: Target, text: string): Promise<string> {
  const { hostname, port } = new URL(url);
  using connection = await Deno.connect({ hostname, port: Number(port) });
  const buffer = new Uint8Array(65_536);
  const reading = connection.read(buffer).catch(() => null);
  const bytes = new TextEncoder().encode(text);
  const writing = (async () => {
    for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
  })().catch(() => {});
  const count = await within("an answer", reading);
  await Promise.race([writing, within("the answer to be read", Promise.resolve())]);
  return new TextDecoder().decode(buffer.subarray(0, count ?? 0));
}

async function withoutDescriptors(): Promise<void> {
  await using gateway = await GatewayProcess.start();
  const { hostname, port } = new URL(gateway.url);
  using early = await gateway.connect();
  await early.nextJson("Hello");
  const limit = (soft: string): void => {
    const { success } = new Deno.Command("prlimit", {
      args: ["--pid", String(gateway.pid), `--nofile=${soft}:`],
    }).outputSync();
    assert.ok(success, "prlimit");
  };
  limit("64");
  const many = await Promise.all(
    Array.from({ length: 200 }, () => Deno.connect({ hostname, port: Number(port) })),
  );
  await early.json({ op: 10, time: 1 });
  assert.deepEqual(await early.nextJson("the ACK"), { op: 11, time: 1 });
  for (const connection of many) connection.close();
  limit("4096");
  await eventually("the gateway to accept again", async () => {
    try {
      using client = await gateway.connect();
      return (await client.nextJson("Hello"))["op"] === 0 ? true : undefined;
    } catch {
      return undefined;
    }
  });
}

function head(kibibytes: number): string {
  return `GET /health HTTP/1.1\r\nHost: x\r\nX: ${"x".repeat(kibibytes * 1024)}\r\n\r\n`;
}
