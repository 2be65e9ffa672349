/**
 * Which states the backend is told, when, in which order, and how often after failures.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type Answer, hanging, refused, status, World } from "./support.ts";

const MINUTE_MS = 60_000;

Deno.test("start() tells gateway.started, and nothing else before it was taken", async () => {
  const world = new World();
  world.online("alice");
  await world.clock.advance(5000);
  assert.deepEqual(world.words, [], "before the start");
  world.answer = status(500);
  world.start();
  await world.clock.advance(5000);
  assert.deepEqual(new Set(world.words), new Set(["started"]));
  assert.ok(world.received.length > 1, "it is repeated");
  const [first] = world.told;
  assert.deepEqual(first, { type: "gateway.started", data: { node: "id0" } });
  world.answer = status(200);
  await world.clock.advance(MINUTE_MS);
  assert.deepEqual(world.words.slice(-2), ["started", "alice online"]);
});

Deno.test("a user who comes and goes is told once each, after the debounce", async () => {
  const world = await World.started();
  const cameMs = world.clock.now();
  world.connections("alice", 2);
  await world.clock.advance(999);
  assert.deepEqual(world.told, []);
  await world.clock.advance(1);
  const online = { user: "alice", connections: 2, since: cameMs };
  assert.deepEqual(world.told, [{ type: "user.online", data: online }]);
  await world.clock.advance(MINUTE_MS);
  const goneMs = world.clock.now();
  world.offline("alice");
  await world.clock.advance(MINUTE_MS);
  const offline = { user: "alice", connections: 0, since: goneMs };
  assert.deepEqual(world.told.slice(1), [{ type: "user.offline", data: offline }]);
  assert.equal(world.webhooks.waiting, 0);
  assert.equal(world.clock.pending, 0);
});

Deno.test("a user who is back within the debounce causes no webhook", async () => {
  const world = await World.started();
  world.online("alice");
  await world.clock.advance(5000);
  for (let round = 0; round < 10; round++) {
    world.offline("alice");
    await world.clock.advance(999);
    world.online("alice");
    await world.clock.advance(999);
  }
  await world.clock.advance(MINUTE_MS);
  assert.deepEqual(world.words, ["alice online"]);
  assert.equal(world.webhooks.waiting, 0);
});

Deno.test("with a debounce of 0 every state is told", async () => {
  const world = await World.started({ debounceMs: 0 });
  for (let round = 0; round < 2; round++) {
    world.online("alice");
    await world.clock.advance(1);
    world.offline("alice");
    await world.clock.advance(1);
  }
  assert.deepEqual(world.words, ["alice online", "alice offline", "alice online", "alice offline"]);
});

Deno.test("asked() makes the next state follow, even if it is the one from before", async () => {
  for (const asks of [false, true]) {
    const world = await World.started();
    world.online("alice");
    await world.clock.advance(500);
    if (asks) world.webhooks.asked(["alice"]);
    await world.clock.advance(400);
    world.offline("alice");
    await world.clock.advance(MINUTE_MS);
    assert.deepEqual(world.words, asks ? ["alice offline"] : []);
  }
});

Deno.test("asked() while a webhook is on its way makes another follow", async () => {
  const world = await World.started();
  const { promise, resolve } = Promise.withResolvers<Response>();
  world.answer = () => promise;
  world.online("alice");
  await world.clock.advance(1000);
  world.offline("alice");
  world.webhooks.asked(["alice"]);
  world.online("alice");
  world.answer = status(204);
  resolve(new Response(null, { status: 204 }));
  await world.clock.advance(MINUTE_MS);
  assert.deepEqual(world.words, ["alice online", "alice online"]);
  const [first, second] = world.received.map(({ init }) => init.headers["webhook-id"]);
  assert.notEqual(first, second);
});

Deno.test("a webhook that fails is repeated with its id and its body, ever more rarely", async () => {
  const failures: readonly Answer[] = [status(500), status(410), status(301), refused, hanging];
  for (const failure of failures) {
    const world = await World.started();
    world.answer = failure;
    world.online("alice");
    await world.clock.advance(10 * MINUTE_MS);
    const times = world.received.map(({ atMs }) => atMs);
    const gaps = times.slice(1).map((atMs, index) => atMs - (times[index] ?? 0));
    const spentMs = failure === hanging ? 10_000 : 0;
    assert.deepEqual(gaps.slice(0, 8).map((ms) => ms - spentMs), [
      ...[375, 750, 1500, 3000, 6000, 12_000],
      ...[22_500, 22_500],
    ]);
    world.answer = status(204);
    await world.clock.advance(MINUTE_MS);
    const distinct = new Set(world.received.map(({ init }) => {
      return `${init.headers["webhook-id"]} ${init.body}`;
    }));
    assert.equal(distinct.size, 1);
    assert.equal(world.webhooks.waiting, 0);
    assert.equal(world.clock.pending, 0);
  }
});

Deno.test("the newest state replaces one that waits", async () => {
  const world = await World.started();
  world.answer = status(503);
  world.online("alice");
  await world.clock.advance(MINUTE_MS);
  world.offline("alice");
  await world.clock.advance(MINUTE_MS);
  world.received.length = 0;
  world.answer = status(204);
  await world.clock.advance(MINUTE_MS);
  assert.deepEqual(world.words, ["alice offline"], "the receiver may have taken the other");
});

Deno.test("a user's webhooks never overlap; a change on the way is told afterwards", async () => {
  const world = await World.started();
  const { promise, resolve } = Promise.withResolvers<Response>();
  world.answer = () => promise;
  world.online("alice");
  await world.clock.advance(1000);
  world.offline("alice");
  await world.clock.advance(5000);
  assert.deepEqual(world.words, ["alice online"]);
  world.answer = status(204);
  resolve(new Response(null, { status: 204 }));
  await world.clock.advance(0);
  assert.deepEqual(world.words, ["alice online", "alice offline"], "the debounce is over");
});

Deno.test("eight webhooks are on their way at once, and one while they fail", async () => {
  const world = await World.started();
  let open = 0;
  let most = 0;
  const counted = (answer: Answer): Answer => async (signal) => {
    most = Math.max(most, ++open);
    try {
      return await answer(signal);
    } finally {
      open--;
    }
  };
  world.answer = counted(hanging);
  const users = Array.from({ length: 100 }, (_, index) => `u${index}`);
  world.online(...users);
  await world.clock.advance(5000);
  assert.equal(most, 8);
  await world.clock.advance(MINUTE_MS);
  most = 0;
  const before = world.received.length;
  await world.clock.advance(10 * MINUTE_MS);
  assert.equal(most, 1);
  assert.ok(world.received.length - before < 25, "an outage costs few attempts");
  world.answer = status(204);
  await world.clock.advance(2 * MINUTE_MS);
  assert.equal(world.webhooks.waiting, 0);
  assert.equal(new Set(world.words.slice(-99)).size, 99, "each of the others once");
});

Deno.test("a webhook that is never taken does not hold up those of others", async () => {
  const world = await World.started();
  world.online("mallory");
  await world.clock.advance(500);
  world.answer = status(400);
  await world.clock.advance(10 * MINUTE_MS);
  const { length } = world.received;
  for (let count = 0; count < 60; count++) {
    world.answer = status(204);
    world.online(`u${count}`);
    // The attempt for mallory fails, the other one succeeds.
    const inner = world.answer;
    world.answer = (signal) =>
      (world.words.at(-1) === "mallory online" ? status(400) : inner)(signal);
    await world.clock.advance(MINUTE_MS);
    assert.equal(world.webhooks.waiting, 1, `u${count} waits`);
  }
  const told = world.words.slice(length);
  assert.ok(told.filter((word) => word === "mallory online").length > 60, "it is still tried");
});

Deno.test("close() sends what waits without its debounce, for as long as it may", async () => {
  const world = await World.started();
  world.online("alice", "bob");
  const closing = world.webhooks.close(5000);
  await world.clock.advance(0);
  await closing;
  assert.deepEqual(world.words, ["alice online", "bob online"]);
  assert.equal(world.clock.pending, 1, "only the longest wait, which holds nothing up");
});

Deno.test("close() gives up after its time, and ends attempts in progress", async () => {
  const world = await World.started();
  world.online("alice");
  await world.clock.advance(1000);
  world.answer = hanging;
  world.offline("alice");
  let closed = false;
  const closing = world.webhooks.close(5000).then(() => closed = true);
  await world.clock.advance(4999);
  assert.ok(!closed);
  await world.clock.advance(1);
  await closing;
  assert.equal(world.received.at(-1)?.init.signal.aborted, true);
  assert.equal(world.clock.pending, 0);
  world.online("carol");
  await world.clock.advance(MINUTE_MS);
  assert.equal(world.received.length, 2, "nothing after the end");
});

Deno.test("the metrics count webhooks, failures and users that wait", async () => {
  const world = await World.started();
  const value = (name: string) => world.metrics.value(name);
  world.answer = status(500);
  world.online("alice");
  await world.clock.advance(500);
  world.online("bob");
  await world.clock.advance(600);
  assert.equal(await value("gateway_webhook_waiting_users"), 2);
  assert.equal(await value("gateway_webhook_oldest_seconds"), 1.1);
  assert.equal(await value("gateway_webhook_failures_total"), 1);
  assert.equal(await value("gateway_webhooks_sent_total"), 1, "the start");
  world.answer = status(204);
  await world.clock.advance(MINUTE_MS);
  assert.equal(await value("gateway_webhook_waiting_users"), 0);
  assert.equal(await value("gateway_webhook_oldest_seconds"), 0);
  assert.equal(await value("gateway_webhooks_sent_total"), 3);
});
