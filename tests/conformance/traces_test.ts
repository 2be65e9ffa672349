/**
 * Traces: what a gateway exports to an OTLP receiver with `OTEL_DENO`.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Backend } from "./support/backend.ts";
import { OtlpReceiver } from "./support/otlp_receiver.ts";
import { GatewayProcess, IS_OTHER, type Settings } from "./support/process.ts";
import { processTest, skip } from "./support/suite.ts";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER = "00f067aa0ba902b7";
const SERVER_KIND = 2;
const ERROR_STATUS = 2;

/** Transport and ports of a gateway. */
const WAYS: Readonly<Record<string, Settings>> = {
  "the node transport": { GATEWAY_TRANSPORT: "node" },
  "the deno transport": { GATEWAY_TRANSPORT: "deno" },
  "the API port": { GATEWAY_TRANSPORT: "node", GATEWAY_API_PORT: "0" },
};

async function backendOf(gateway: GatewayProcess): Promise<Backend> {
  const { url, api } = JSON.parse(await gateway.logLine('"listening"')).fields;
  return new Backend({ url: () => api ?? url, loginUrl: url, publishKey: "dev" });
}

/** A binary that was compiled without `OTEL_DENO` exports nothing. */
const tracedTest = IS_OTHER ? (name: string) => skip(name, "needs OTEL_DENO") : processTest;

for (const [way, settings] of Object.entries(WAYS)) {
  tracedTest(`a publish over ${way} is a span below its traceparent`, async () => {
    await using receiver = new OtlpReceiver();
    await using gateway = await GatewayProcess.start({
      settings: { ...receiver.settings, ...settings },
    });
    const backend = await backendOf(gateway);
    using peer = await gateway.peer("alice-of-the-test");
    const post = (flags: string, body: unknown, more: Record<string, string> = {}) => {
      const headers = { traceparent: `00-${TRACE}-${CALLER}-${flags}`, ...more };
      return backend.request("POST", "/messages", { body, headers });
    };
    const message = { user: "alice-of-the-test", author: "bob-of-the-test", content: "hush" };
    assert.equal((await post("00", message)).status, 201);
    assert.equal((await post("01", [message, message])).status, 201);
    assert.deepEqual(await peer.nextContents(3), ["hush", "hush", "hush"]);
    assert.equal((await post("01", { content: 1 })).status, 400);
    const once = { "Idempotency-Key": "key-of-the-test" };
    assert.equal((await post("01", message, once)).status, 201);
    assert.equal((await post("01", message, once)).status, 201);
    await backend.publish(message);

    const publishes = await receiver.named("publish", 5);
    const [batch, bad, keyed, repeated, own] = publishes;
    assert.ok(batch && bad && keyed && repeated && own);
    assert.deepEqual(
      publishes.map(({ attributes }) => [
        Number(attributes["http.response.status_code"]),
        attributes["messaging.batch.message_count"]?.toString(),
      ]),
      [[201, "2"], [400, undefined], [201, "1"], [201, "0"], [201, "1"]],
    );
    for (const span of [batch, bad, keyed, repeated]) {
      assert.deepEqual([span.traceId, span.parentSpanId], [TRACE, CALLER]);
      assert.equal(span.kind, SERVER_KIND);
    }
    assert.notEqual(own.traceId, TRACE);
    assert.equal(own.parentSpanId, "");

    const parts = receiver.partsOf(batch);
    assert.deepEqual(parts.map(({ name }) => name), ["store", "fan-out"]);
    const [store, fanOut] = parts;
    assert.ok(store && fanOut);
    assert.deepEqual([store.traceId, fanOut.traceId], [TRACE, TRACE]);
    assert.ok(batch.start <= store.start && store.start <= store.end);
    assert.ok(store.end <= fanOut.start && fanOut.start <= fanOut.end && fanOut.end <= batch.end);
    assert.deepEqual(receiver.partsOf(bad), []);
    assert.deepEqual(receiver.partsOf(repeated).map(({ name }) => name), ["store"]);
    assert.equal(receiver.spans.length, 5 + 2 + 2 + 1 + 2, "no other spans");

    // Nothing of users, keys and contents leaves the gateway.
    const { token } = (await backend.request("POST", "/login", {
      body: { user: "carol-of-the-test", password: "correct" },
    })).body as { token: string };
    await backend.request("GET", "/users/alice-of-the-test");
    assert.equal((await gateway.end("SIGTERM")).code, 0);
    for (const secret of ["of-the-test", "hush", "Bearer", token]) {
      assert.ok(!receiver.bodies.some((body) => body.includes(secret)), secret);
    }
    assert.ok(!gateway.log.some((line) => line.includes("OTEL_DENO")));
  });
}

tracedTest("a publish that cannot be stored is a span with an error, and its code", async () => {
  await using receiver = new OtlpReceiver();
  const dataDir = await Deno.makeTempDir();
  try {
    await using gateway = await GatewayProcess.start({ settings: receiver.settings, dataDir });
    await Deno.remove(dataDir, { recursive: true });
    const body = { author: "1", content: "lost" };
    assert.equal((await gateway.backend.request("POST", "/messages", { body })).status, 503);
    const [publish] = await receiver.named("publish", 1);
    const [store] = await receiver.named("store", 1);
    assert.deepEqual([publish?.status, store?.status], [ERROR_STATUS, ERROR_STATUS]);
    assert.ok(receiver.bodies.some((text) => text.includes('"log_unavailable"')));
  } finally {
    await Deno.remove(dataDir, { recursive: true }).catch(() => {});
  }
});

tracedTest("the runtime's own spans, which have URLs, are warned of", async () => {
  await using receiver = new OtlpReceiver();
  await using gateway = await GatewayProcess.start({
    settings: { ...receiver.settings, OTEL_DENO_TRACING: "true" },
  });
  await gateway.logLine("set OTEL_DENO_TRACING=false");
  await gateway.backend.publish({ author: "1", content: "hello" });
  await receiver.named("publish", 1);
});

/** Variables with which the runtime exports nothing, and what the gateway says of them. */
const OFF: Readonly<Record<string, readonly [settings: Settings, warning: boolean]>> = {
  "without OTEL_DENO": [{ OTEL_DENO: "" }, false],
  "with OTEL_SDK_DISABLED": [{ OTEL_SDK_DISABLED: "true" }, true],
  "with each signal switched off": [
    { OTEL_DENO_METRICS: "false", OTEL_DENO_CONSOLE: "ignore" },
    true,
  ],
};

for (const [way, [settings, warning]] of Object.entries(OFF)) {
  processTest(`${way} nothing is exported, and publishes go on`, async () => {
    await using receiver = new OtlpReceiver();
    await using gateway = await GatewayProcess.start({
      settings: { ...receiver.settings, ...settings },
    });
    const headers = { traceparent: `00-${TRACE}-${CALLER}-01` };
    const body = { author: "1", content: "hello" };
    const { status } = await gateway.backend.request("POST", "/messages", { headers, body });
    assert.equal(status, 201);
    assert.equal(gateway.log.some((line) => line.includes("OTEL_DENO has no effect")), warning);
    assert.equal((await gateway.end("SIGTERM")).code, 0);
    assert.deepEqual(receiver.bodies, []);
  });
}
