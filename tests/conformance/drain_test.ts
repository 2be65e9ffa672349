/**
 * The end of a gateway: SIGTERM, SIGINT and SIGHUP close every connection with 1012, spread over the drain time,
 * and the process exits with 0, also during a start that waits.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Peer } from "./support/peer.ts";
import { endWhileStarting, GatewayProcess } from "./support/process.ts";
import { HandshakeRefused } from "./support/raw_client.ts";
import { processTest } from "./support/suite.ts";
import { someone } from "./support/target.ts";

const PEERS = 40;
const DRAIN_MS = 2000;

processTest("SIGTERM drains: 1012 to all, not at once, nobody new, exit 0", async () => {
  await using gateway = await GatewayProcess.start({
    settings: { GATEWAY_DRAIN_MS: String(DRAIN_MS) },
  });
  const clients = await Promise.all(
    Array.from({ length: PEERS }, (_, index) =>
      // Some have not identified by then.
      index % 4 === 0 ? Peer.connect(gateway.wsUrl) : gateway.member(someone())),
  );
  const closes = Promise.all(clients.map(async (client) => {
    const code = await client.closeCode();
    return { code, at: performance.now() };
  }));
  const ended = gateway.end("SIGTERM");
  await gateway.logLine("draining");
  const health = await gateway.backend.request("GET", "/health");
  assert.equal(health.status, 503, "/health says so");
  const live = await gateway.backend.request("GET", "/health/live");
  assert.equal(live.status, 200, "/health/live does not");
  await assert.rejects(gateway.connect(), (error) => {
    assert.ok(error instanceof HandshakeRefused, String(error));
    assert.equal(error.status, 503);
    assert.equal(JSON.parse(error.body).code, "draining");
    return true;
  });
  const seen = await closes;
  assert.deepEqual(new Set(seen.map(({ code }) => code)), new Set([1012]));
  const times = seen.map(({ at }) => at);
  const spreadMs = Math.max(...times) - Math.min(...times);
  // A quarter, because this process may be late to read the first ones.
  assert.ok(spreadMs > DRAIN_MS / 4, `all were closed within ${spreadMs} ms`);
  const { code, signal } = await ended;
  assert.deepEqual({ code, signal }, { code: 0, signal: null });
  await assert.rejects(gateway.connect(), Deno.errors.ConnectionRefused);
});

processTest("SIGINT drains as well, and waits for no peer that answers nothing", async () => {
  await using gateway = await GatewayProcess.start({
    settings: { GATEWAY_DRAIN_MS: "0", GATEWAY_CLOSE_GRACE_MS: "200" },
  });
  using stopped = await gateway.connect();
  await stopped.nextJson("Hello");
  await using member = await gateway.member(someone());
  const ended = gateway.end("SIGINT");
  assert.equal(await member.closeCode(), 1012);
  assert.equal((await ended).code, 0);
  assert.equal((await stopped.closeFrame()).code, 1012);
});

processTest("a gateway with nobody connected exits with 0 at once", async () => {
  await using gateway = await GatewayProcess.start({ settings: { GATEWAY_DRAIN_MS: "600000" } });
  assert.equal((await gateway.end("SIGTERM")).code, 0);
});

processTest("SIGHUP drains as well, as when a terminal is closed", async () => {
  await using gateway = await GatewayProcess.start({ settings: { GATEWAY_DRAIN_MS: "0" } });
  await using member = await gateway.member(someone());
  const ended = gateway.end("SIGHUP");
  assert.equal(await member.closeCode(), 1012);
  const { code, signal } = await ended;
  assert.deepEqual({ code, signal }, { code: 0, signal: null });
});

for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
  processTest(`${signal} ends a start that waits for a NATS that is down, exit 0`, async () => {
    const { code, signal: killedBy } = await endWhileStarting({
      settings: { GATEWAY_PORT: "0", GATEWAY_NATS_URL: `nats://127.0.0.1:${unusedPort()}` },
      signal,
      reached: (output) => output.line("NATS", (line) => line.includes("NATS cannot be reached")),
    });
    assert.deepEqual({ code, killedBy }, { code: 0, killedBy: null });
  });
}

processTest("SIGTERM ends a start that waits for a NATS that says nothing, exit 0", async () => {
  using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const held: Deno.Conn[] = [];
  const { code, signal: killedBy } = await endWhileStarting({
    settings: { GATEWAY_PORT: "0", GATEWAY_NATS_URL: `nats://127.0.0.1:${silent.addr.port}` },
    signal: "SIGTERM",
    reached: async () => held.push(await silent.accept()),
  });
  for (const connection of held) connection.close();
  assert.deepEqual({ code, killedBy }, { code: 0, killedBy: null });
});

/** A port on which nothing listens. */
function unusedPort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
