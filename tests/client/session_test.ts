/**
 * A session over several connections: identifying, resuming, gaps, and delays.
 *
 * @module
 */

import assert from "node:assert/strict";
import { GatewayError } from "../../client/mod.ts";
import { Backoff } from "../../client/backoff.ts";
import { CloseCode } from "../../gateway/protocol/codes.ts";
import { createMockGateway } from "../../mock/mod.ts";
import { App, breakable, stage } from "./support.ts";

Deno.test("the client identifies without waiting for Hello, and is ready", async () => {
  await using it = await stage();
  const { app, gateway } = it;
  const [ready] = app.readies;
  assert.equal(ready?.user, "alice");
  assert.equal(ready?.resumed, undefined);
  assert.equal(app.client.user, "alice");
  assert.equal(app.client.lastId, ready?.lastId);
  assert.deepEqual(app.states, ["connecting", "ready"]);
  assert.deepEqual(app.requests, [{ reason: "start", atMs: 0 }]);
  assert.equal("last_id" in (app.received(1)[0] ?? {}), false);
  assert.equal(gateway.connections.length, 1);
});

Deno.test("the client hands on messages whole, and without their op", async () => {
  await using it = await stage();
  const seen: unknown[] = [];
  it.app.client.on("message", (message) => seen.push(message));
  const content = { text: "h\u00e9llo", deep: [null, { "__proto__": 1 }] };
  const [message] = await it.gateway.publish({ channel: "general", author: "7", content });
  const [other] = await it.gateway.publish({ author: "7", content: null });
  assert.deepEqual(seen, [
    { id: message?.id, channel: "general", author: "7", content, time: message?.time },
    { id: other?.id, author: "7", content: null, time: other?.time },
  ]);
  assert.equal(it.app.client.lastId, other?.id);
});

Deno.test("the client resumes after the last message that it has seen", async () => {
  await using it = await stage();
  const { app, gateway } = it;
  const [one] = await app.say("one");
  await gateway.drop();
  await app.say("two", "three");
  assert.equal(app.client.state, "waiting");
  await gateway.advance(500);
  assert.deepEqual(app.contents, ["one", "two", "three"]);
  assert.equal(app.received(1)[1]?.["last_id"], one);
  assert.deepEqual(app.readies.map(({ resumed }) => resumed), [undefined, true]);
  assert.deepEqual(app.gaps, []);
});

Deno.test("the client says which messages were missed", async () => {
  await using it = await stage();
  const marks: unknown[] = [];
  it.app.client.on("message", (message) => {
    marks.push([message.content, "replayed" in message ? message.replayed : "live"]);
  });
  await it.app.say("one");
  await it.gateway.drop();
  await it.app.say("two");
  await it.gateway.advance(500);
  await it.app.say("three");
  assert.deepEqual(marks, [["one", "live"], ["two", true], ["three", "live"]]);
});

Deno.test("the client resumes from where its first session began, if nothing came since", async () => {
  await using it = await stage();
  const began = it.app.client.lastId;
  await it.gateway.drop();
  await it.app.say("missed");
  await it.gateway.advance(500);
  assert.equal(it.app.received(1)[1]?.["last_id"], began);
  assert.deepEqual(it.app.contents, ["missed"]);
});

Deno.test("the next client resumes from the lastId of an earlier one", async () => {
  await using it = await stage();
  await it.app.say("one");
  const { lastId } = it.app.client;
  await it.app.client.close();
  await it.app.say("two");
  const next = new App(it.gateway, { lastId });
  await it.gateway.settled();
  assert.deepEqual(next.contents, ["two"]);
  assert.equal(next.readies[0]?.resumed, true);
  await next.client.close();
});

Deno.test("a gap is emitted when what was missed is no longer stored, and the session goes on", async () => {
  await using it = await stage({}, { retentionMs: 60_000 });
  const { app, gateway } = it;
  await app.say("one");
  await gateway.drop();
  await app.say("lost");
  // The client's own attempts are delayed, as by a night without network.
  await gateway.setFaults("all", { delayMs: 70_000 });
  await gateway.advance(120_000);
  await gateway.setFaults("all", { delayMs: 0 });
  await app.say("later");
  await gateway.advance(60_000);
  assert.equal(app.readies.at(-1)?.resumed, false);
  assert.deepEqual(app.gaps, [app.readies.at(-1)?.lastId]);
  await app.say("new");
  assert.deepEqual(app.contents.filter((content) => content === "lost"), []);
  assert.equal(app.contents.at(-1), "new");
});

Deno.test("a message that comes twice is handed on once, also if others came between", async () => {
  await using it = await stage();
  const [id = ""] = await it.app.say("one");
  const frame = { op: 3, id, author: "bob", content: "one", time: 1 };
  await it.gateway.send("all", { json: frame });
  for (let count = 0; count < 900; count++) {
    await it.gateway.send("all", { json: { ...frame, id: `between-${count}` } });
  }
  it.app.contents.length = 1;
  await it.gateway.send("all", { json: frame });
  await it.gateway.send("all", { json: { ...frame, id: "other-1", content: "two" } });
  assert.deepEqual(it.app.contents, ["one", "two"]);
});

for (const { code, reconnect } of Object.values(CloseCode)) {
  if (code === CloseCode.IdentifyFailed.code) continue;
  Deno.test(`the client ${reconnect ? "comes back" : "ends"} after ${code}`, async () => {
    await using it = await stage();
    const { app, gateway } = it;
    await gateway.close("all", { code, reason: "because" });
    const [disconnect] = app.disconnects;
    assert.equal(disconnect?.code, code);
    assert.equal(disconnect?.reason, "because");
    assert.ok(disconnect?.name !== undefined);
    if (reconnect) {
      // 4008 means the longest delay.
      const retryInMs = code === CloseCode.RateLimited.code ? 10_000 : 250;
      assert.equal(disconnect.retryInMs, retryInMs);
      await gateway.advance(retryInMs - 1);
      assert.equal(app.readies.length, 1);
      await gateway.advance(1);
      assert.equal(app.readies.length, 2);
      assert.deepEqual(app.states, ["connecting", "ready", "waiting", "connecting", "ready"]);
      assert.deepEqual(app.closes, []);
    } else {
      assert.equal(disconnect.retryInMs, undefined);
      const [error] = app.closes;
      assert.ok(error instanceof GatewayError);
      assert.equal(error.closeCode, code);
      assert.match(error.message, new RegExp(`${code} \\w+: because$`));
      await gateway.advance(3_600_000);
      assert.equal(app.readies.length, 1);
      assert.equal(app.client.state, "closed");
      await app.client.closed;
    }
  });
}

Deno.test("the client comes back after any code that is not one of the gateway's", async () => {
  for (const code of [1000, 1001, 3000, 4999]) {
    await using it = await stage();
    await it.gateway.close("all", { code });
    await it.gateway.advance(500);
    assert.equal(it.app.disconnects[0]?.name, undefined);
    assert.equal(it.app.readies.length, 2, String(code));
  }
});

Deno.test("delays double from 500 ms to 20 s, are drawn from zero on, and restart after a session that lasted", async () => {
  const longest = new Backoff(() => 1);
  const limits = Array.from({ length: 8 }, () => longest.next());
  assert.deepEqual(limits, [500, 1000, 2000, 4000, 8000, 16_000, 20_000, 20_000]);
  longest.reset(1000);
  assert.equal(longest.next(), 20_000);
  assert.equal(new Backoff(() => 0).next(), 0);

  await using gateway = await createMockGateway();
  const network = breakable(gateway);
  network.isBroken = true;
  await using app = new App(gateway, { WebSocket: network.WebSocket, random: () => 0.999 });
  await gateway.advance(60_000);
  const delays = app.disconnects.map(({ retryInMs }) => Math.round(retryInMs ?? -1));
  assert.deepEqual(delays.slice(0, 7), [500, 999, 1998, 3996, 7992, 15_984, 19_980]);
  network.isBroken = false;
  const last = (): number => Math.round(app.disconnects.at(-1)?.retryInMs ?? -1);
  // A session that ended at once counts as another failure.
  const stop = app.client.on("ready", () => {
    stop();
    void gateway.drop();
  });
  await gateway.advance(20_000);
  assert.equal(app.readies.length, 1);
  assert.equal(last(), 19_980);
  await gateway.advance(40_000);
  assert.equal(app.client.state, "ready");
  await gateway.drop();
  assert.equal(last(), 500);
});

Deno.test("gateways that restart one after the other make no delay longer", async () => {
  await using it = await stage();
  for (let restarts = 0; restarts < 5; restarts++) {
    await it.gateway.close("all", { code: 1012 });
    assert.equal(it.app.disconnects.at(-1)?.retryInMs, 250);
    await it.gateway.advance(250);
    assert.equal(it.app.client.state, "ready");
  }
});

Deno.test("a gateway that fails each session at once is not asked over and over", async () => {
  await using it = await stage();
  it.app.client.on("ready", () => void it.gateway.close("all", { code: 1011 }));
  await it.gateway.close("all", { code: 1011 });
  await it.gateway.advance(3_600_000);
  // At delays of ten seconds on average.
  assert.ok(it.app.readies.length < 400, String(it.app.readies.length));
});

Deno.test("check() tries at once what would have waited", async () => {
  await using it = await stage({ random: () => 0.999 });
  await it.gateway.drop();
  assert.equal(it.app.client.state, "waiting");
  it.app.client.check();
  await it.gateway.settled();
  assert.equal(it.app.readies.at(-1)?.atMs, 0);
  assert.equal(it.app.readies.length, 2);
  // The attempt that was scheduled is cancelled.
  await it.gateway.advance(1000);
  assert.equal(it.gateway.connections.length, 1);
});

for (
  const [what, sent] of [
    ["what is not JSON", { text: "not JSON" }],
    ["a frame without op", { json: { id: "x" } }],
    ["a Message without id", { json: { op: 3, author: "7", content: 1, time: 1 } }],
    ["a Heartbeat without time", { json: { op: 10 } }],
    ["a Heartbeat with a time that is none", { json: { op: 10, time: -1 } }],
    ["a Message whose channel is no text", {
      json: { op: 3, id: "x-1", channel: 7, author: "7", content: 1, time: 1 },
    }],
    ["a Ready without last_id", { json: { op: 2, user: "alice" } }],
  ] as const
) {
  Deno.test(`the client leaves a connection on which it gets ${what}, and resumes`, async () => {
    await using it = await stage();
    await it.gateway.send("all", sent);
    assert.deepEqual(it.app.codes, [1006]);
    assert.match(it.app.disconnects[0]?.reason ?? "", /^not a frame of the gateway: /);
    await it.app.say("missed");
    await it.gateway.advance(500);
    assert.deepEqual(it.app.contents, ["missed"]);
    assert.equal(it.gateway.connections.length, 1);
  });
}

Deno.test("the client ignores ops and fields that it does not know", async () => {
  await using it = await stage();
  await it.gateway.send("all", { json: { op: 99, strange: true } });
  await it.gateway.send("all", {
    json: { op: 3, id: "x-1", author: "7", content: "new", time: 1, more: { of: "it" } },
  });
  assert.deepEqual(it.app.codes, []);
  assert.deepEqual(it.app.contents, ["new"]);
});

Deno.test("the client takes no message before Ready", async () => {
  await using gateway = await createMockGateway();
  await using app = new App(gateway, {
    getToken: () => gateway.token({ user: "alice" }),
    WebSocket: class extends gateway.WebSocket {
      override send(): void {}
    },
  });
  await gateway.settled();
  await gateway.send("all", { json: { op: 3, id: "x-1", author: "7", content: "early", time: 1 } });
  assert.deepEqual(app.contents, []);
  assert.match(app.disconnects[0]?.reason ?? "", /before Ready/);
});

Deno.test("a connection that cannot even be tried is an error, and tried again", async () => {
  await using gateway = await createMockGateway();
  let allowed = false;
  const WebSocket = class extends gateway.WebSocket {
    constructor(url: string) {
      if (!allowed) throw new DOMException("the page's policy forbids it", "SecurityError");
      super(url);
    }
  };
  await using app = new App(gateway, { WebSocket });
  await gateway.settled();
  assert.deepEqual(app.errors.map(({ name }) => name), ["SecurityError"]);
  assert.equal(app.client.state, "waiting");
  allowed = true;
  await gateway.advance(500);
  assert.equal(app.client.state, "ready");
});
