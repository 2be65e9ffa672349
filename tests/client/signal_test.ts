/**
 * Signals: the client asks for them when somebody listens, and passes them on.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Signal } from "../../client/mod.ts";
import { App, stage } from "./support.ts";

/** The `signals` of each Identify that the gateway received. */
function asked(app: App): unknown[] {
  return app.received(1).map((frame) => frame["signals"]);
}

Deno.test("a client without a listener of signals does not ask for them, and gets none", async () => {
  await using it = await stage();
  await it.gateway.signal({ author: "bob", content: "typing" });
  assert.deepEqual(asked(it.app), [undefined]);
  assert.ok(it.gateway.transcript.every((entry) => !JSON.stringify(entry).includes("typing")));
});

Deno.test("a client with a listener from the start asks in its first Identify, and after a reconnect", async () => {
  await using it = await stage();
  const app = new App(it.gateway, {});
  const signals: Signal[] = [];
  app.client.on("signal", (signal) => void signals.push(signal));
  await it.gateway.settled();
  const content = { typing: true };
  await it.gateway.signal({ channel: "general", author: "bob", content });
  await it.gateway.signal({ user: "alice", author: "bob", content: null });
  const time = it.gateway.clock.now();
  assert.deepEqual(signals, [
    { channel: "general", author: "bob", content, time },
    { author: "bob", content: null, time },
  ]);
  assert.deepEqual(app.contents, []);
  await it.gateway.drop();
  await it.gateway.advance(500);
  await it.gateway.signal({ author: "bob", content: "again" });
  assert.equal(signals.at(-1)?.content, "again");
  assert.deepEqual(asked(app), [undefined, true, undefined, true]);
  await app.client.close();
});

Deno.test("a listener that is added later makes a ready client identify again, once, and nothing is missed", async () => {
  await using it = await stage();
  const { app, gateway } = it;
  const signals: unknown[] = [];
  const [one] = await app.say("one");
  const stop = app.client.on("signal", ({ content }) => void signals.push(content));
  app.client.on("signal", () => {});
  await app.say("two");
  await gateway.signal({ author: "bob", content: "first" });
  stop();
  app.client.on("signal", ({ content }) => void signals.push(content));
  await gateway.signal({ author: "bob", content: "second" });
  assert.deepEqual(signals, ["first", "second"]);
  assert.deepEqual(asked(app), [undefined, true]);
  assert.deepEqual(app.contents, ["one", "two"]);
  assert.equal(app.readies.length, 1);
  assert.equal("last_id" in (app.received(1)[1] ?? {}), false, `${one}`);
  assert.equal(gateway.connections.length, 1);
});

Deno.test("a listener that is added while the client identifies takes effect", async () => {
  await using it = await stage();
  const signals: unknown[] = [];
  const listen = (): void => {
    if (asked(app).length > 1) return;
    app.client.on("signal", ({ content }) => void signals.push(content));
  };
  const app: App = new App(it.gateway, {
    WebSocket: class extends it.gateway.WebSocket {
      override send(text: string): void {
        super.send(text);
        // The gateway has not even received Identify.
        if (text.startsWith('{"op":1,') && !text.includes("signals")) listen();
      }
    },
  });
  await it.gateway.settled();
  await it.gateway.signal({ author: "bob", content: "here" });
  assert.deepEqual(signals, ["here"]);
  await app.client.close();
});

Deno.test("a renewal asks for signals again", async () => {
  await using it = await stage({ expiresInS: 300 });
  const signals: unknown[] = [];
  it.app.client.on("signal", ({ content }) => void signals.push(content));
  await it.gateway.advance(300_000);
  await it.gateway.signal({ author: "bob", content: "still" });
  assert.deepEqual(signals, ["still"]);
  assert.ok(asked(it.app).length >= 3);
  assert.deepEqual(asked(it.app).slice(1), asked(it.app).slice(1).map(() => true));
});

Deno.test("a signal with a wrong field ends the connection, as any frame does", async () => {
  await using it = await stage();
  await it.gateway.send("all", { json: { op: 4, author: "7", content: 1 } });
  assert.deepEqual(it.app.codes, [1006]);
  assert.match(it.app.disconnects[0]?.reason ?? "", /time of op 4 is missing or wrong/);
});

Deno.test("signals that arrive keep a connection alive whose ACK waits behind them", async () => {
  await using it = await stage({}, { connection: { heartbeatIntervalMs: 30_000 } });
  it.app.client.on("signal", () => {});
  await it.gateway.settled();
  await it.gateway.setFaults("all", { withholdAcks: true });
  for (let minute = 0; minute < 3; minute++) {
    await it.gateway.advance(20_000);
    await it.gateway.signal({ author: "bob", content: minute });
  }
  assert.deepEqual(it.app.codes, []);
});
