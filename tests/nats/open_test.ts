/**
 * Opening the stream on a real nats-server: created once, updated to the options, or refused for good.
 *
 * @module
 */

import assert from "node:assert/strict";
import { jetstreamManager, type StreamConfig } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { connectNats } from "../../gateway/cluster/connect.ts";
import { openStream, type StreamOptions } from "../../gateway/log/jetstream/open.ts";
import { SystemClock } from "../../gateway/runtime/clock.ts";
import { RandomIds } from "../../gateway/runtime/ids.ts";
import { FakeClock, settle } from "../../mock/doubles/clock.ts";
import { FakeLogger } from "../../mock/doubles/logger.ts";
import { natsTest } from "./support/suite.ts";

interface World {
  readonly nats: NatsConnection;
  readonly logger: FakeLogger;
  open(options?: Partial<StreamOptions>): ReturnType<typeof openStream>;
  /** Creates a stream as another program would. */
  create(config: Partial<StreamConfig> & { readonly name: string }): Promise<void>;
  config(): Promise<StreamConfig>;
}

function test(name: string, body: (world: World) => Promise<void>): void {
  natsTest(`openStream() ${name}`, async (server) => {
    const logger = new FakeLogger();
    const deps = { clock: new SystemClock(), ids: new RandomIds(), logger };
    const nats = await connectNats({ servers: [server.url] }, deps);
    const manager = await jetstreamManager(nats);
    const names = { stream: "messages", subject: "gateway", replicas: 1 };
    await body({
      nats,
      logger,
      open: (options) => openStream({ ...deps, ...names, nats, ...options }),
      create: async (config) => void await manager.streams.add(config),
      config: async () => (await manager.streams.info("messages")).config,
    });
    await nats.close();
  });
}

function refused(world: World, message: RegExp, options?: Partial<StreamOptions>): Promise<void> {
  return assert.rejects(world.open(options), { code: "bad_configuration", message });
}

test("creates one stream, however many nodes start at once", async ({ open, logger }) => {
  const opened = await Promise.all(Array.from({ length: 5 }, () => open()));
  assert.equal(new Set(opened.map(({ epoch }) => epoch)).size, 1);
  assert.deepEqual(logger.messages("warn"), [], "none fails and retries");
});

test("updates the limits of a stream, and only if they changed", async ({ open, config, logger }) => {
  await open({ retentionBytes: 2 ** 20 });
  const { epoch } = await open({ retentionBytes: 2 ** 20 });
  assert.doesNotMatch(logger.text(), /updating stream limits/);
  assert.equal((await open({ retentionBytes: 2 ** 21, retentionMs: 2 * 86_400_000 })).epoch, epoch);
  assert.match(logger.text(), /updating stream limits/);
  const { max_bytes, max_age } = await config();
  assert.deepEqual([max_bytes, max_age], [2 ** 21, 2 * 86_400_000 * 1e6]);
});

test("stores messages for 24 hours at least, like idempotency keys", async ({ open, config }) => {
  await open({ retentionMs: 1000 });
  const { max_age, duplicate_window } = await config();
  assert.deepEqual([max_age, duplicate_window], [86_400_000 * 1e6, 86_400_000 * 1e6]);
});

test("refuses the stream of another program", async (world) => {
  await world.create({ name: "messages", subjects: ["gateway.>"] });
  await refused(world, /the stream messages of NATS is of another program/);
});

test("refuses its stream under another subject", async (world) => {
  await world.open();
  await refused(world, /has another subject/, { subject: "other" });
});

test("refuses subjects that another stream has", async (world) => {
  await world.create({ name: "other", subjects: ["gateway.*"] });
  await refused(world, /refuses the stream messages: another stream has these subjects/);
});

test("refuses replicas on a server without a cluster", async (world) => {
  await refused(world, /it is no cluster, and the stream is to have replicas/, { replicas: 3 });
});

test("refuses a size that the server has no space for", async (world) => {
  await refused(world, /not so much space/, { retentionBytes: 2 ** 60 });
});

test("refuses a subject that the server does not take", async (world) => {
  await refused(world, /it does not take such a stream/, { subject: "$JS.API" });
});

test("retries every second until NATS answers, and says so once", async (world) => {
  const clock = new FakeClock();
  let requests = 0;
  const unavailable = (): Promise<never> => {
    requests += 1;
    return Promise.reject(new Error("no responders"));
  };
  const nats: NatsConnection = Object.create(world.nats, {
    request: { get: () => requests < 3 ? unavailable : world.nats.request.bind(world.nats) },
  });
  const opening = world.open({ nats, clock });
  for (let failures = 1; failures <= 3; failures++) {
    while (clock.pending === 0) await settle();
    assert.equal(requests, failures);
    await clock.advance(1000);
  }
  assert.match((await opening).epoch, /./);
  assert.deepEqual(world.logger.messages("warn"), ["stream unavailable; retrying"]);
});
