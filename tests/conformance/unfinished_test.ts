/**
 * Connections that never finish a request: they end by a timeout, they count, and clients that send their requests
 * get through.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Crowd } from "./support/crowd.ts";
import { GatewayProcess, TRANSPORT } from "./support/process.ts";
import { processTest, skip } from "./support/suite.ts";
import type { Target } from "./support/target.ts";
import { within } from "./support/wait.ts";
import { Authority } from "../nats/support/certificates.ts";

/** The number of silent ones, and of dripping ones. */
const EACH = 2000;
/** The gateway's limit for the head of a request (waiting_connections.ts), in milliseconds. */
const HEAD_MS = 10_000;

test("4,000 connections without a request end after 10 s, and clients connect meanwhile", async () => {
  await Promise.all([withoutTls(), withTls()]);
});

async function withoutTls(): Promise<void> {
  await using gateway = await GatewayProcess.start({
    settings: { GATEWAY_MAX_CONNECTIONS_PER_IP: String(2 * EACH + 10) },
  });
  using crowd = await Crowd.open(portOf(gateway), EACH);
  await connects(gateway);
  await connectsFrom(gateway, "127.0.0.2");
  await crowd.ended();
  for (const ends of [crowd.silent, crowd.dripping]) {
    assert.equal(ends.count, EACH);
    assert.ok(ends.firstMs > HEAD_MS * 0.9, `one ended after ${ends.firstMs.toFixed()} ms`);
    assert.ok(ends.lastMs < HEAD_MS * 1.5, `one ended after ${ends.lastMs.toFixed()} ms`);
  }
}

/** The same while a TLS handshake is awaited. */
async function withTls(): Promise<void> {
  using authority = new Authority();
  const { certPath, keyPath } = authority.sign("IP:127.0.0.1");
  await using gateway = await GatewayProcess.start({
    settings: { GATEWAY_TLS_CERT: certPath, GATEWAY_TLS_KEY: keyPath },
  });
  using crowd = await Crowd.open(portOf(gateway), 100);
  using client = await gateway.connect({ caCerts: [authority.cert] });
  assert.equal((await client.nextJson("Hello"))["op"], 0);
  await crowd.ended();
  assert.ok(crowd.silent.lastMs < HEAD_MS * 1.5, `one ended after ${crowd.silent.lastMs} ms`);
}

test("they count against the limit of an address: the oldest goes for a new one", async () => {
  const limit = 100;
  await using gateway = await GatewayProcess.start({
    settings: { GATEWAY_MAX_CONNECTIONS_PER_IP: String(limit) },
  });
  using crowd = await Crowd.open(portOf(gateway), limit);
  const ended = (): number => crowd.silent.count + crowd.dripping.count;
  await connects(gateway);
  await connectsFrom(gateway, "127.0.0.2");
  assert.ok(ended() >= limit, `${ended()} have ended`);
  assert.ok(crowd.dripping.lastMs < HEAD_MS, "and not by the timeout");
});

function test(name: string, run: () => Promise<void>): void {
  if (TRANSPORT === "node") processTest(name, run);
  else skip(name, "GATEWAY_TRANSPORT=deno has no such timeout");
}

async function connects(gateway: Target): Promise<void> {
  using client = await gateway.connect();
  assert.equal((await client.nextJson("Hello"))["op"], 0);
}

/** The same from another address of this machine. */
async function connectsFrom(gateway: Target, localAddress: string): Promise<void> {
  using client = Deno.createHttpClient({ localAddress });
  const socket = new WebSocket(gateway.wsUrl, { client });
  try {
    await within(
      `Hello to ${localAddress}`,
      new Promise((resolve, reject) => {
        socket.onmessage = resolve;
        socket.onerror = () => reject(new Error(`no connection from ${localAddress}`));
      }),
    );
  } finally {
    socket.close();
  }
}

function portOf({ url }: GatewayProcess): number {
  return Number(new URL(url).port);
}
