/**
 * `Metrics`: counting and scraping.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Metrics } from "../../gateway/metrics/metrics.ts";
import { METRICS } from "../../gateway/metrics/table.ts";

function makeMetrics(): Metrics {
  return new Metrics({
    version: "1.2.3",
    runtime: "deno 2",
    transport: "node",
    residentBytes: () => 4096,
  });
}

Deno.test("Metrics counts a connection in the phase that it is in, and in no other", async () => {
  const metrics = makeMetrics();
  const inPhase = (phase: string) => metrics.value("gateway_connections", { phase });
  metrics.phaseChanged("new", "unidentified");
  metrics.phaseChanged("new", "unidentified");
  metrics.phaseChanged("unidentified", "verifying");
  assert.equal(await inPhase("unidentified"), 1);
  assert.equal(await inPhase("verifying"), 1);
  metrics.phaseChanged("verifying", "verifying");
  assert.equal(await inPhase("verifying"), 1);
  metrics.phaseChanged("verifying", "closing");
  metrics.phaseChanged("closing", "closed");
  assert.equal(await inPhase("verifying"), 0);
  assert.equal(await inPhase("closing"), 0);
  assert.equal(await metrics.value("gateway_connections_opened_total"), 2);
});

Deno.test("Metrics counts messages, failures and bugs", async () => {
  const metrics = makeMetrics();
  metrics.published(3);
  metrics.delivered(40);
  metrics.delivered(2);
  metrics.replayed(7);
  metrics.logPublishFailed();
  metrics.identifyRejected("unknown_key");
  metrics.bug();
  metrics.lingering(2);
  metrics.lingering(-1);
  assert.equal(await metrics.value("gateway_messages_published_total"), 3);
  assert.equal(await metrics.value("gateway_messages_delivered_total"), 42);
  assert.equal(await metrics.value("gateway_messages_replayed_total"), 7);
  assert.equal(await metrics.value("gateway_log_publish_failures_total"), 1);
  assert.equal(
    await metrics.value("gateway_identifies_rejected_total", { reason: "unknown_key" }),
    1,
  );
  assert.equal(await metrics.value("gateway_bugs_total"), 1);
  assert.equal(await metrics.value("gateway_lingering_sockets"), 1);
});

Deno.test("Metrics counts signals, their copies, and those that were dropped by their reason", async () => {
  const metrics = makeMetrics();
  metrics.signalsPublished(3);
  metrics.frameOut("Signal", 40);
  metrics.signalsDropped("slow_reader", 2);
  metrics.signalsDropped("slow_reader", 5);
  metrics.signalsDropped("late", 1);
  assert.equal(await metrics.value("gateway_signals_published_total"), 3);
  assert.equal(await metrics.value("gateway_frames_out_total", { op: "Signal" }), 40);
  const dropped = (reason: string) => metrics.value("gateway_signals_dropped_total", { reason });
  assert.equal(await dropped("slow_reader"), 7);
  assert.equal(await dropped("late"), 1);
  assert.equal(await dropped("overloaded"), 0);
});

Deno.test("Metrics counts uses of each previous key, from 0", async () => {
  const metrics = makeMetrics();
  const uses = (key: string) => metrics.value("gateway_previous_key_uses_total", { key });
  assert.match(await metrics.text(), /^gateway_previous_key_uses_total\{key="jwt_secret"\} 0$/m);
  metrics.previousKeyUsed("publish_key");
  metrics.previousKeyUsed("publish_key");
  metrics.previousKeyUsed("jwt_secret");
  assert.deepEqual([await uses("publish_key"), await uses("jwt_secret")], [2, 1]);
});

Deno.test("Metrics puts a round trip into its buckets, in seconds", async () => {
  const metrics = makeMetrics();
  const name = "gateway_heartbeat_round_trip_seconds";
  metrics.roundTrip(7);
  metrics.roundTrip(300);
  assert.equal(await metrics.value(`${name}_count`), 2);
  assert.equal(await metrics.value(`${name}_sum`), 0.307);
  assert.equal(await metrics.value(`${name}_bucket`, { le: "0.005" }), 0);
  assert.equal(await metrics.value(`${name}_bucket`, { le: "0.01" }), 1);
  assert.equal(await metrics.value(`${name}_bucket`, { le: "+Inf" }), 2);
});

Deno.test("Metrics gives percentiles of the event loop's delay over its last 3,000 measurements", async () => {
  const metrics = makeMetrics();
  const percentile = (p: string) =>
    metrics.value("gateway_event_loop_delay_recent_seconds", { percentile: p });
  assert.equal(await percentile("100"), 0);
  for (let ms = 100; ms >= 1; ms--) metrics.eventLoopDelay(ms);
  assert.equal(await percentile("50"), 0.05);
  assert.equal(await percentile("99"), 0.099);
  assert.equal(await percentile("100"), 0.1);
  for (let i = 0; i < 3000; i++) metrics.eventLoopDelay(2);
  assert.equal(await percentile("100"), 0.002);
  assert.equal(await metrics.value("gateway_event_loop_delay_seconds_count"), 3100);
});

Deno.test("Metrics.text() follows Prometheus' conventions", async () => {
  const metrics = makeMetrics();
  const text = await metrics.text();
  const types = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)];
  const table = Object.entries(METRICS).map(([name, { type }]) => [name, type]);
  assert.deepEqual(types.map(([, name, type]) => [name, type]).sort(), table.sort());
  for (const [, name = "", type] of types) {
    assert.match(name, /^gateway_[a-z_]+$/);
    assert.equal(name.endsWith("_total"), type === "counter", name);
  }
  assert.match(
    text,
    /^gateway_build_info\{version="1.2.3",runtime="deno 2",transport="node"\} 1$/m,
  );
  assert.match(text, /^gateway_process_resident_memory_bytes 4096$/m);
});

Deno.test("Metrics.value() throws for a name that does not exist", async () => {
  await assert.rejects(makeMetrics().value("gateway_unheard_of_total"), TypeError);
});
