/**
 * Several loops on one client: each gets all messages that it asks for, at its own pace.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { GatewayClient, MessageIterator } from "../../client/mod.ts";
import { createMockGateway } from "../../mock/mod.ts";
import { App, type AppOptions, type Stage, stage } from "./support.ts";

/** An app whose user is in the channels `a` and `b`. */
async function channels(options: AppOptions = {}): Promise<Stage> {
  const gateway = await createMockGateway();
  const getToken = () => gateway.token({ user: "alice", channels: ["a", "b"] });
  const app = new App(gateway, { silent: true, getToken, ...options });
  await gateway.settled();
  return {
    gateway,
    app,
    async [Symbol.asyncDispose]() {
      await app.client.close();
      await gateway[Symbol.asyncDispose]();
    },
  };
}

/** Publishes `a1` in channel `a`, and so on; one without a channel is to everyone. */
async function say({ gateway }: App, ...contents: readonly string[]): Promise<readonly string[]> {
  const drafts = contents.map((content) => ({
    ...(/^[ab]/.test(content) ? { channel: content.slice(0, 1) } : {}),
    author: "bob",
    content,
  }));
  return (await gateway.publish(...drafts)).map(({ id }) => id);
}

async function take(loop: MessageIterator, count: number): Promise<unknown[]> {
  const contents: unknown[] = [];
  while (contents.length < count) contents.push((await loop.next()).value?.content);
  return contents;
}

Deno.test("two loops each get every message, and the slower one's wait", async () => {
  await using it = await stage({ silent: true });
  const [one, other] = [it.app.client.messages(), it.app.client.messages()];
  const [first] = await it.app.say("1", "2", "3");
  assert.deepEqual(await take(one, 2), ["1", "2"]);
  assert.deepEqual(await take(other, 1), ["1"]);
  // The position to resume from is that of the slower loop.
  assert.equal(it.app.client.lastId, first);
  assert.deepEqual(await take(one, 1), ["3"]);
  assert.equal(it.app.client.lastId, first);
  await it.app.say("4");
  assert.deepEqual(await take(other, 3), ["2", "3", "4"]);
  assert.deepEqual(await take(one, 1), ["4"]);
});

Deno.test("a loop over a channel gets its messages alone, and none wait that no loop wants", async () => {
  await using it = await channels({ maxQueuedMessages: 5 });
  const { client } = it.app;
  const a = client.messages({ channel: "a" });
  const b = client.messages({ channel: "b" });
  const [, , , , b2 = ""] = await say(it.app, "a1", "b1", "to all", "a2", "b2");
  assert.deepEqual(await take(a, 2), ["a1", "a2"]);
  await b.return?.();
  await say(it.app, ...["b3", "b4", "b5", "b6", "b7", "b8"]);
  assert.equal(client.state, "ready");
  assert.notEqual(client.lastId, b2);
  await say(it.app, "a3");
  assert.deepEqual(await take(a, 1), ["a3"]);
});

Deno.test("the slowest loop pauses the client, and lets it go on when it has read half of its messages", async () => {
  await using it = await channels({ maxQueuedMessages: 4 });
  const { client } = it.app;
  const a = client.messages({ channel: "a" });
  const all = client.messages();
  await say(it.app, "a1", "b1", "b2", "b3", "a2");
  assert.equal(client.state, "paused");
  assert.deepEqual(await take(a, 1), ["a1"]);
  assert.equal(client.state, "paused");
  assert.deepEqual(await take(all, 2), ["a1", "b1"]);
  assert.equal(client.state, "waiting");
  await it.gateway.advance(250);
  assert.deepEqual(await take(all, 3), ["b2", "b3", "a2"]);
  assert.deepEqual(await take(a, 1), ["a2"]);
});

Deno.test("a loop starts with what waits, beside another with what comes; the last leaves its rest", async () => {
  await using it = await channels();
  const { client } = it.app;
  await say(it.app, "a1", "b1", "a2");
  const a = client.messages({ channel: "a" });
  assert.deepEqual(await take(a, 1), ["a1"]);
  const late = client.messages({ channel: undefined });
  await say(it.app, "b2", "a3");
  assert.deepEqual(await take(late, 1), ["b2"]);
  await late.return?.();
  await a.return?.();
  assert.deepEqual(await take(client.messages(), 2), ["a2", "a3"]);
});

Deno.test("pending calls of next() are answered in order, and every loop ends with the client", async () => {
  await using it = await stage({ silent: true });
  const [one, other] = [it.app.client.messages(), it.app.client.messages()];
  const settled = Promise.allSettled([one.next(), one.next(), one.next()]);
  await it.app.say("1", "2");
  await it.gateway.close("all", { code: 4010 });
  assert.deepEqual(
    (await settled).map((result) =>
      result.status === "fulfilled" ? result.value.value?.content : "threw"
    ),
    ["1", "2", "threw"],
  );
  // An error is thrown once, as by a generator.
  assert.equal((await one.next()).done, true);
  assert.deepEqual(await take(other, 2), ["1", "2"]);
  await assert.rejects(other.next(), { closeCode: 4010 });
});

/** Fails to compile unless the content has its type. */
export async function typed(
  gateway: GatewayClient<{ readonly text: string }, { readonly typing: boolean }>,
): Promise<string | undefined> {
  gateway.on("signal", ({ content }) => content.typing satisfies boolean);
  gateway.on("message", ({ content }) => content.text satisfies string);
  for await (const { content } of gateway) return content.text;
  return (await gateway.messages().next()).value?.content.text;
}
