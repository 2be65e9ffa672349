/**
 * connect() and disconnect(), for apps that decide when to be connected.
 *
 * @module
 */

import assert from "node:assert/strict";
import { CloseCode, GatewayError } from "../../client/mod.ts";
import { createMockGateway, type MockGateway } from "../../mock/mod.ts";
import { App, stage } from "./support.ts";

/** The most connections that were open at once, and how many there were. */
function connections(
  { transcript }: MockGateway,
): { readonly total: number; readonly most: number } {
  let [open, total, most] = [0, 0, 0];
  for (const { event } of transcript) {
    if (event === "opened") total++, most = Math.max(most, ++open);
    if (event === "gone") open--;
  }
  return { total, most };
}

Deno.test("disconnect() leaves until connect() resumes, with all loops and listeners", async () => {
  await using it = await stage({ expiresInS: 3600 });
  const { app: { client }, app, gateway } = it;
  const loop = client.messages();
  await app.say("one");
  const disconnecting = client.disconnect();
  assert.equal(client.state, "disconnected");
  await gateway.settled();
  await disconnecting;
  assert.deepEqual(gateway.connections, []);
  assert.equal(gateway.clock.nextDue, undefined, "no timer remains");
  await app.say("two");
  client.check();
  await gateway.advance(1_800_000);
  assert.equal(client.state, "disconnected");
  client.connect();
  client.connect();
  await gateway.settled();
  assert.equal(app.requests.length, 1, "the token is still good");
  assert.deepEqual(app.contents, ["one", "two"]);
  assert.equal((await loop.next()).value?.content, "one");
  assert.deepEqual(app.states, ["connecting", "ready", "disconnected", "connecting", "ready"]);
  assert.deepEqual([app.disconnects, app.closes], [[], []]);
  // The renewal is due as before.
  await gateway.advance(1_740_000);
  assert.deepEqual(app.requests.at(-1), { reason: "expiring", atMs: 3_540_000 });
});

Deno.test("with autoConnect: false nothing happens before connect(), and nothing need be closed", async () => {
  await using gateway = await createMockGateway();
  const app = new App(gateway, { autoConnect: false });
  await gateway.advance(60_000);
  assert.equal(app.client.state, "disconnected");
  assert.deepEqual([app.requests, gateway.transcript], [[], []]);
  assert.equal(gateway.clock.nextDue, undefined);
  app.client.connect();
  await gateway.settled();
  assert.equal(app.client.state, "ready");
  await app.client.close();
  app.client.connect();
  await app.client.disconnect();
  assert.equal(app.client.state, "closed");
});

for (const autoConnect of [true, false]) {
  Deno.test(`connect() and disconnect() in a row make one connection, autoConnect: ${autoConnect}`, async () => {
    await using gateway = await createMockGateway();
    const app = new App(gateway, { autoConnect });
    for (let count = 0; count < 3; count++) {
      app.client.connect();
      void app.client.disconnect();
    }
    app.client.connect();
    await gateway.advance(60_000);
    assert.deepEqual(connections(gateway), { total: 1, most: 1 });
    assert.equal(app.client.state, "ready");
    await app.client.close();
  });
}

Deno.test("disconnect() in a listener of connecting is obeyed, and aborts the request for a token", async () => {
  await using gateway = await createMockGateway();
  const signals: AbortSignal[] = [];
  const app = new App(gateway, {
    getToken: ({ signal }) => {
      signals.push(signal);
      return new Promise(() => {});
    },
  });
  await gateway.settled();
  await app.client.disconnect();
  assert.equal(signals[0]?.aborted, true);
  const stop = app.client.on("state", () => void app.client.disconnect());
  app.client.connect();
  await gateway.advance(60_000);
  assert.equal(app.client.state, "disconnected");
  assert.equal(signals.length, 1);
  stop();
  await app.client.close();
});

Deno.test("disconnect() in a listener of a message that fills the queue is no pause", async () => {
  await using it = await stage({ maxQueuedMessages: 1 });
  const { client } = it.app;
  const loop = client.messages();
  client.on("message", () => void client.disconnect());
  await it.app.say("one");
  assert.equal(client.state, "disconnected");
  assert.equal((await loop.next()).value?.content, "one");
  await it.gateway.advance(60_000);
  assert.equal(client.state, "disconnected");
});

Deno.test("close codes have names for an app", async () => {
  await using it = await stage();
  await it.gateway.close("all", { code: 4011 });
  const [error] = it.app.closes;
  assert.ok(error instanceof GatewayError);
  assert.equal(error.closeCode, CloseCode.Replaced.code);
});
