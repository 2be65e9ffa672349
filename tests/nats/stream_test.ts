/**
 * Requests of the stream that NATS does not answer, on a fake clock.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { JetStreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { Stream } from "../../gateway/log/jetstream/stream.ts";
import { FakeClock } from "../../mock/doubles/clock.ts";
import { FakeLogger } from "../../mock/doubles/logger.ts";

const INFO = {
  config: { description: "epoch e" },
  state: { messages: 2, first_seq: 3, last_seq: 4 },
};

/** A stream whose NATS answers only the request number `answered`, counted from 1. */
function start(answered: number, answer: () => Promise<unknown> = () => Promise.resolve(INFO)) {
  const clock = new FakeClock();
  const asked: number[] = [];
  const nats = { status: async function* () {}, options: {} } as unknown as NatsConnection;
  const info = () => {
    asked.push(clock.steady());
    return asked.length === answered ? answer() : new Promise(() => {});
  };
  const manager = { streams: { info } } as unknown as JetStreamManager;
  const names = { name: "messages", subject: "gateway", epoch: "e", logsConnection: true };
  const stream = new Stream({ nats, manager, clock, logger: new FakeLogger(), ...names });
  return { stream, clock, asked };
}

Deno.test("Stream asks again what is not answered: a new leader may be", async () => {
  const { stream, clock, asked } = start(3);
  const range = stream.range();
  await clock.advance(1500);
  assert.deepEqual(await range, { first: 3, last: 4 });
  assert.equal(asked.length, 3);
  assert.equal(clock.pending, 0, "no timer is left");
});

Deno.test("Stream gives up a question that is not answered in five seconds", async () => {
  const { stream, clock, asked } = start(0);
  const failed = assert.rejects(stream.range(), { code: "log_unavailable" });
  await clock.advance(5000);
  await failed;
  assert.ok(asked.length > 1);
});

Deno.test("Stream does not ask again when NATS says no", async () => {
  const { stream, asked } = start(1, () => Promise.reject(new Error("no")));
  await assert.rejects(stream.range(), { code: "log_unavailable", message: "NATS failed: no" });
  assert.equal(asked.length, 1);
});

Deno.test("Stream asks again, but not at once, when there are no responders", async () => {
  const nobody = Object.assign(new Error("nobody"), { name: "JetStreamNotEnabled" });
  const { stream, clock, asked } = start(1, () => Promise.reject(nobody));
  const failed = assert.rejects(stream.range(), { code: "log_unavailable" });
  await clock.advance(0);
  assert.equal(asked.length, 1);
  await clock.advance(500);
  assert.equal(asked.length, 2);
  await clock.advance(5000);
  await failed;
});
