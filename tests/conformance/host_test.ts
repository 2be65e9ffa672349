/**
 * `Host`: one that is neither a name nor an address is refused before any route, and is not logged as a bug; with
 * the mock issuer, so is a name that a stranger could lead to this machine, unless the operator allows it.
 *
 * @module
 */

import assert from "node:assert/strict";
import { GatewayProcess } from "./support/process.ts";
import { HandshakeRefused } from "./support/raw_client.ts";
import { processTest } from "./support/suite.ts";
import type { Target } from "./support/target.ts";
import { within } from "./support/wait.ts";

interface Heard {
  readonly status: number;
  readonly text: string;
}

/** Requests `path` with a `Host` that no HTTP client would send. */
async function ask(
  gateway: Target,
  { method = "GET", path, host }: {
    readonly method?: string;
    readonly path: string;
    readonly host: string;
  },
): Promise<Heard> {
  const { hostname, port } = new URL(gateway.url);
  using connection = await Deno.connect({ hostname, port: Number(port) });
  const head = `${method} ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
  await connection.write(new TextEncoder().encode(head));
  const answer = await within("the answer", new Response(connection.readable).text());
  const end = answer.indexOf("\r\n\r\n");
  assert.ok(end >= 0, `no answer to ${host}`);
  return { status: Number(answer.split(" ")[1]), text: answer.slice(end + 4) };
}

const IMPOSSIBLE = ["256.256.256.256", "1.2.3.4.5", "localhost:99999", ":8200", "[1:2:3]", "xn--a"];

processTest(
  "a Host that is no name or address is refused on every route, and is no bug",
  async () => {
    await using gateway = await GatewayProcess.start();
    for (const host of IMPOSSIBLE) {
      for (const path of ["/", "/console.json", "/health", "/gateway", "/messages", "/nowhere"]) {
        const { status, text } = await ask(gateway, { path, host });
        assert.equal(status, 400, `${host}${path}`);
        assert.equal(JSON.parse(text).code, "invalid_host", `${host}${path}`);
      }
      const head = await ask(gateway, { method: "HEAD", path: "/health", host });
      assert.deepEqual([head.status, head.text], [400, ""], host);
    }
    const { body } = await gateway.backend.request("GET", "/metrics");
    assert.match(String(body), /^gateway_bugs_total 0$/m);
  },
);

processTest(
  "with the mock issuer a stranger's name is refused, unless it is asked for",
  async () => {
    const host = "rebound.example:8000";
    await using gateway = await GatewayProcess.start();
    for (const path of ["/", "/console.js", "/console.json", "/messages", "/health", "/metrics"]) {
      const { status, text } = await ask(gateway, { path, host });
      assert.equal(status, 403, path);
      assert.equal(JSON.parse(text).code, "host_not_allowed", path);
    }
    await assert.rejects(gateway.connect({ headers: { Host: host } }), (error) => {
      assert.ok(error instanceof HandshakeRefused && error.status === 403);
      return true;
    });
    assert.match(await gateway.logLine("refused for its Host"), /GATEWAY_CONSOLE=on/);
    // As the proxy of a development server sends it.
    assert.equal((await ask(gateway, { path: "/health", host: "localhost:5173" })).status, 200);
    await using open = await GatewayProcess.start({ settings: { GATEWAY_CONSOLE: "on" } });
    assert.equal((await ask(open, { path: "/health", host })).status, 200);
    using client = await open.connect({ headers: { Host: host } });
    assert.equal((await client.nextJson("Hello"))["op"], 0);
  },
);
