/**
 * The start and the end of a client: options that can never work, closing, and resources that remain.
 *
 * @module
 */

import assert from "node:assert/strict";
import { GatewayClient, type GatewayClientOptions } from "../../client/mod.ts";
import { createMockGateway, FakeClock, settle } from "../../mock/mod.ts";
import { App, NoSocket, stage } from "./support.ts";

const GOOD: GatewayClientOptions = {
  url: "ws://localhost/gateway",
  getToken: () => "x",
  WebSocket: NoSocket,
  clock: new FakeClock(),
};

for (
  const [options, message] of [
    [{ url: "" }, /^url: expected ws: or wss:, got ""$/],
    [{ url: "/gateway" }, /^url: expected ws: or wss:, got "\/gateway"$/],
    [{ url: "ftp://localhost" }, /^url: /],
    [{ getToken: "a token" }, /^getToken: expected a function$/],
    [{ maxQueuedMessages: 0 }, /^maxQueuedMessages: expected 1 or more$/],
    [{ maxQueuedMessages: NaN }, /^maxQueuedMessages: /],
    [{ connectTimeoutMs: -1 }, /^connectTimeoutMs: expected a positive number$/],
    [{ lastId: null }, /^lastId: expected text, or undefined where there is none, got null$/],
    [{ lastId: 5 }, /^lastId: expected text, or undefined where there is none, got 5$/],
    [{ signal: {} }, /^signal: expected an AbortSignal$/],
  ] as const
) {
  Deno.test(`new GatewayClient() refuses ${JSON.stringify(options)}`, () => {
    const wrong = { ...GOOD, ...options } as GatewayClientOptions;
    assert.throws(() => new GatewayClient(wrong), { name: "TypeError", message });
  });
}

Deno.test("new GatewayClient() refuses no options at all", () => {
  assert.throws(() => Reflect.construct(GatewayClient, []), {
    name: "TypeError",
    message: "expected an object of options",
  });
});

Deno.test("http and https are taken for ws and wss, and a fragment is left out", async () => {
  const urls: string[] = [];
  class Socket extends NoSocket {
    constructor(url: string) {
      super();
      urls.push(url);
    }
  }
  for (const url of ["http://a/gateway#top", new URL("https://b:9000/gateway")]) {
    const client = new GatewayClient({ ...GOOD, url, WebSocket: Socket });
    await settle();
    void client.close();
  }
  assert.deepEqual(urls, ["ws://a/gateway", "wss://b:9000/gateway"]);
});

Deno.test("getToken() may use the client that is just being made", async () => {
  await using gateway = await createMockGateway();
  const client: GatewayClient = new GatewayClient({
    url: gateway.wsUrl,
    WebSocket: gateway.WebSocket,
    clock: gateway.clock,
    getToken: () => gateway.token({ user: client.user ?? "nobody yet" }),
  });
  await gateway.settled();
  assert.equal(client.user, "nobody yet");
  await client.close();
});

Deno.test("close() says goodbye with 1000, ends everything, and is harmless again", async () => {
  await using it = await stage();
  await it.app.client.close();
  assert.equal(it.app.client.state, "closed");
  assert.deepEqual(it.app.closes, [undefined]);
  await it.gateway.settled();
  assert.equal(it.gateway.connections.length, 0);
  await it.app.client.close();
  await it.app.client.closed;
  assert.deepEqual(it.app.closes, [undefined]);
  it.app.client.check();
  await it.gateway.advance(3_600_000);
  assert.equal(it.app.readies.length, 1);
  assert.deepEqual(it.app.disconnects, []);
});

Deno.test("close() leaves no timer, whatever the client is at", async () => {
  const clock = new FakeClock();
  const connecting = new GatewayClient({ ...GOOD, clock });
  await clock.advance(0);
  assert.equal(connecting.state, "connecting");
  assert.equal(clock.pending > 0, true);
  let closed = false;
  const closing = connecting.close().then(() => closed = true);
  // The answer does not arrive within the second.
  await clock.advance(999);
  assert.equal(closed, false);
  await clock.advance(1);
  await closing;
  assert.equal(clock.pending, 0);

  const waiting = new GatewayClient({
    ...GOOD,
    clock,
    getToken: () => Promise.reject(new Error("no")),
  });
  waiting.on("error", () => {});
  await clock.advance(0);
  assert.equal(waiting.state, "waiting");
  await waiting.close();
  assert.equal(clock.pending, 0);
});

Deno.test("a client that is ready leaves no timer of its own behind", async () => {
  await using it = await stage({ expiresInS: 3600 });
  const others = it.gateway.clock.nextDue;
  assert.ok(others !== undefined);
  await it.app.client.close();
  await it.gateway.settled();
  assert.equal(it.gateway.clock.nextDue, undefined);
});

Deno.test("an AbortSignal closes the client, at once or before it began", async () => {
  await using gateway = await createMockGateway();
  const abort = new AbortController();
  const app = new App(gateway, { signal: abort.signal });
  await gateway.settled();
  abort.abort();
  await app.client.closed;
  assert.deepEqual(app.closes, [undefined]);
  const never = new App(gateway, { signal: abort.signal });
  await gateway.settled();
  assert.equal(never.client.state, "closed");
  assert.deepEqual(never.requests, []);
  for await (const _ of never.client) assert.fail("nothing comes");
});

Deno.test("a client that is closed listens to its AbortSignal no more", async () => {
  await using gateway = await createMockGateway();
  const { signal } = new AbortController();
  const counts = { add: 0, remove: 0 };
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    counts.add++;
    add(...args);
  };
  signal.removeEventListener = (...args: Parameters<typeof remove>) => {
    counts.remove++;
    remove(...args);
  };
  const app = new App(gateway, { signal });
  await app.client.close();
  assert.deepEqual(counts, { add: 1, remove: 1 });
});

Deno.test("await using closes the client", async () => {
  await using gateway = await createMockGateway();
  {
    await using app = new App(gateway).client;
    await gateway.settled();
    assert.equal(app.state, "ready");
    assert.equal(gateway.connections.length, 1);
  }
  await gateway.settled();
  assert.equal(gateway.connections.length, 0);
});

Deno.test("a listener that throws disturbs neither the others nor the client", async () => {
  await using it = await stage();
  const thrown = new Error("of a listener");
  const reported = new Promise<unknown>((resolve) => {
    globalThis.addEventListener("error", (event) => {
      event.preventDefault();
      resolve(event.error);
    }, { once: true });
  });
  const heard: unknown[] = [];
  it.app.client.on("message", () => {
    throw thrown;
  });
  it.app.client.on("message", ({ content }) => heard.push(content));
  await it.app.say("one");
  assert.equal(await reported, thrown);
  assert.deepEqual(heard, ["one"]);
  assert.equal(it.app.client.state, "ready");
});

Deno.test("on() twice with one listener calls it twice, and each is stopped for itself", async () => {
  await using it = await stage();
  let calls = 0;
  const listener = (): void => void calls++;
  const stop = it.app.client.on("message", listener);
  it.app.client.on("message", listener);
  await it.app.say("one");
  assert.equal(calls, 2);
  stop();
  stop();
  await it.app.say("two");
  assert.equal(calls, 3);
});

Deno.test("the news that the network is back makes the client try at once, until it is closed", async () => {
  await using gateway = await createMockGateway();
  const app = new App(gateway, { random: () => 0.999 });
  await gateway.settled();
  await gateway.drop();
  assert.equal(app.client.state, "waiting");
  globalThis.dispatchEvent(new Event("online"));
  await gateway.settled();
  assert.equal(app.client.state, "ready");
  await app.client.close();
  let checked = 0;
  app.client.check = () => void checked++;
  globalThis.dispatchEvent(new Event("online"));
  assert.equal(checked, 0);
});

Deno.test("the news that the network is gone ends a dead session within five seconds", async () => {
  await using it = await stage();
  await it.gateway.advance(2000);
  await it.gateway.freeze();
  globalThis.dispatchEvent(new Event("offline"));
  await it.gateway.advance(5000);
  assert.equal(it.app.client.state, "waiting");
});

Deno.test("the news that the network is gone leaves a session alone that goes on", async () => {
  await using it = await stage();
  await it.gateway.advance(2000);
  globalThis.dispatchEvent(new Event("offline"));
  await it.gateway.advance(10_000);
  assert.equal(it.app.client.state, "ready");
  assert.equal(it.app.readies.length, 1);
});

Deno.test("the news that the network is gone makes a client that waits try no sooner", async () => {
  await using it = await stage();
  await it.gateway.drop();
  assert.equal(it.app.client.state, "waiting");
  globalThis.dispatchEvent(new Event("offline"));
  await it.gateway.settled();
  assert.equal(it.app.client.state, "waiting");
});
