/**
 * Delivery of messages to the app: in a loop, by listeners, or both; and an app that does not read.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type GatewayClient, GatewayError } from "../../client/mod.ts";
import { App, stage } from "./support.ts";

/** Reads up to `count` messages in a loop. */
async function take(client: GatewayClient, count: number): Promise<unknown[]> {
  const contents: unknown[] = [];
  for await (const { content } of client) {
    contents.push(content);
    if (contents.length === count) break;
  }
  return contents;
}

function numbered(count: number, from = 0): string[] {
  return Array.from({ length: count }, (_, index) => `${from + index}`);
}

Deno.test("a loop takes what came before it began, and waits for what comes", async () => {
  await using it = await stage({ silent: true });
  await it.app.say("one", "two");
  const taking = take(it.app.client, 3);
  await it.gateway.settled();
  await it.app.say("three");
  assert.deepEqual(await taking, ["one", "two", "three"]);
});

Deno.test("leaving a loop closes nothing, and the next one goes on where it ended", async () => {
  await using it = await stage({ silent: true });
  await it.app.say("one", "two");
  assert.deepEqual(await take(it.app.client, 1), ["one"]);
  await it.app.say("three");
  assert.equal(it.app.client.state, "ready");
  assert.deepEqual(await take(it.app.client, 2), ["two", "three"]);
});

Deno.test("lastId is that of the last message that the app was given", async () => {
  await using it = await stage({ silent: true });
  const began = it.app.client.lastId;
  const [one, two] = await it.app.say("one", "two");
  assert.equal(it.app.client.lastId, began);
  await take(it.app.client, 1);
  assert.equal(it.app.client.lastId, one);
  await take(it.app.client, 1);
  assert.equal(it.app.client.lastId, two);
});

Deno.test("a client that is not read disconnects when its queue is full, and resumes at half of it", async () => {
  await using it = await stage({ silent: true, maxQueuedMessages: 10 });
  const { app, gateway } = it;
  await app.say(...numbered(25));
  assert.equal(app.client.state, "paused");
  await gateway.settled();
  assert.equal(gateway.connections.length, 0);
  assert.deepEqual(app.disconnects, []);
  // There is no time limit.
  await gateway.advance(3_600_000);
  assert.deepEqual(await take(app.client, 4), numbered(4));
  assert.equal(app.client.state, "paused");
  assert.deepEqual(await take(app.client, 1), ["4"]);
  // After the usual delay, so that it does not reconnect every few messages.
  assert.equal(app.client.state, "waiting");
  await gateway.advance(249);
  assert.equal(app.client.state, "waiting");
  await gateway.advance(1);
  assert.equal(app.client.state, "paused");
  const taking = take(app.client, 20);
  await gateway.advance(10_000);
  assert.deepEqual(await taking, numbered(20, 5));
  assert.equal(app.client.state, "ready");
  assert.deepEqual(app.gaps, []);
});

Deno.test("a queue of one works", async () => {
  await using it = await stage({ silent: true, maxQueuedMessages: 1 });
  await it.app.say(...numbered(5));
  const taking = take(it.app.client, 5);
  await it.gateway.advance(10_000);
  assert.deepEqual(await taking, numbered(5));
});

Deno.test("pausing is no failure: the delay stays short however often it happens", async () => {
  await using it = await stage({ silent: true, maxQueuedMessages: 2 });
  await it.app.say(...numbered(30));
  const { clock } = it.gateway;
  const taken: unknown[] = [];
  const reading = (async () => {
    for await (const { content } of it.app.client) {
      taken.push(content);
      if (taken.length === 30) break;
      await new Promise<void>((resolve) => void clock.setTimer(100, resolve));
    }
  })();
  // At most the time for each message, and one first delay.
  await it.gateway.advance(30 * (100 + 250));
  assert.deepEqual(taken, numbered(30));
  await reading;
  assert.ok(it.app.states.filter((state) => state === "paused").length >= 5);
});

Deno.test("with a listener and no loop nothing is queued", async () => {
  await using it = await stage({ maxQueuedMessages: 3 });
  await it.app.say(...numbered(50));
  assert.equal(it.app.contents.length, 50);
  assert.equal(it.app.client.state, "ready");
});

Deno.test("a listener that comes late is given what was queued", async () => {
  await using it = await stage({ silent: true });
  await it.app.say("one", "two");
  const heard: unknown[] = [];
  const stop = it.app.client.on("message", ({ content }) => heard.push(content));
  assert.deepEqual(heard, ["one", "two"]);
  await it.app.say("three");
  assert.deepEqual(heard, ["one", "two", "three"]);
  stop();
  await it.app.say("four");
  assert.deepEqual(heard, ["one", "two", "three"]);
  assert.deepEqual(await take(it.app.client, 1), ["four"]);
});

Deno.test("a listener and a loop each get every message; what the loop leaves behind is not heard twice", async () => {
  await using it = await stage();
  const loop = it.app.client[Symbol.asyncIterator]();
  await it.app.say("one", "two", "three");
  assert.equal((await loop.next()).value?.content, "one");
  assert.equal((await loop.next()).value?.content, "two");
  await loop.return?.();
  assert.deepEqual(it.app.contents, ["one", "two", "three"]);
  const [four] = await it.app.say("four");
  assert.deepEqual(it.app.contents, ["one", "two", "three", "four"]);
  assert.equal(it.app.client.lastId, four);
});

Deno.test("a listener that was added during a loop gets the messages that the loop leaves", async () => {
  await using it = await stage({ silent: true });
  const loop = it.app.client[Symbol.asyncIterator]();
  await it.app.say("one", "two");
  const heard: unknown[] = [];
  it.app.client.on("message", ({ content }) => heard.push(content));
  assert.deepEqual(heard, []);
  assert.equal((await loop.next()).value?.content, "one");
  await loop.return?.();
  assert.deepEqual(heard, ["two"]);
});

Deno.test("loops on the same client share, and what one no longer waits for goes to the other", async () => {
  await using it = await stage({ silent: true });
  const one = it.app.client[Symbol.asyncIterator]();
  const other = it.app.client[Symbol.asyncIterator]();
  const waiting = one.next();
  const next = other.next();
  await one.return?.();
  assert.equal((await waiting).done, true);
  await it.app.say("for the other");
  assert.equal((await next).value?.content, "for the other");
  assert.equal((await one.next()).done, true);
});

Deno.test("loops end when the app closes the client, after what is queued", async () => {
  await using it = await stage({ silent: true });
  await it.app.say("one", "two");
  const waiting = take(it.app.client, Infinity);
  const closing = it.app.client.close();
  assert.deepEqual(await waiting, ["one", "two"]);
  assert.deepEqual(await take(it.app.client, 1), []);
  await closing;
});

Deno.test("loops throw the GatewayError when the gateway ends it for good, after what is queued", async () => {
  await using it = await stage({ silent: true });
  const waiting = take(it.app.client, Infinity);
  const rejected = assert.rejects(waiting, { name: "GatewayError", closeCode: 4010 });
  await it.gateway.close("all", { code: 4010, reason: "banned" });
  await rejected;
  await assert.rejects(take(it.app.client, 1), GatewayError);
});

Deno.test("close() within a loop and within a listener ends at once", async () => {
  await using it = await stage({ silent: true });
  await it.app.say("one", "two");
  const taken: unknown[] = [];
  for await (const { content } of it.app.client) {
    taken.push(content);
    void it.app.client.close();
  }
  assert.deepEqual(taken, ["one", "two"]);
  const other = new App(it.gateway);
  await it.gateway.settled();
  other.client.on("message", () => void other.client.close());
  await other.say("three", "four");
  assert.deepEqual(other.contents, ["three"]);
  assert.deepEqual(other.closes, [undefined]);
});

Deno.test("an iterator is iterable: a loop over it goes on where next() was, and is the same loop", async () => {
  await using it = await stage({ silent: true });
  const iterator = it.app.client[Symbol.asyncIterator]();
  await it.app.say("one", "two", "three");
  assert.equal((await iterator.next()).value?.content, "one");
  const contents: unknown[] = [];
  for await (const { content } of iterator) {
    contents.push(content);
    if (content === "two") break;
  }
  assert.deepEqual(contents, ["two"]);
  // The break ended the iterator, so the rest is free for others.
  for await (const _ of iterator) assert.fail("it is over");
  it.app.client.on("message", ({ content }) => contents.push(String(content)));
  assert.deepEqual(contents, ["two", "three"]);
});

Deno.test("a generator may delegate to an iterator, which ends with the client", async () => {
  await using it = await stage({ silent: true });
  const iterator = it.app.client[Symbol.asyncIterator]();
  async function* all(): AsyncGenerator<unknown> {
    yield* iterator;
  }
  await it.app.say("one");
  await it.app.client.close();
  const contents: unknown[] = [];
  for await (const message of all()) contents.push(message);
  assert.equal(contents.length, 1);
});
