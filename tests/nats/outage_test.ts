/**
 * The JetStream log during and after outages of a real nats-server, which is killed, frozen and restarted.
 *
 * @module
 */

import assert from "node:assert/strict";
import { parseMessageId } from "../../gateway/log/mod.ts";
import { EVERYONE, readAll, toEveryone } from "../contract/support.ts";
import { eventually, type Node, startNode } from "./support/nodes.ts";
import { Relay } from "./support/relay.ts";
import type { NatsServer } from "./support/server.ts";
import { natsTest } from "./support/suite.ts";

const UNAVAILABLE = { name: "OperationalError", code: "log_unavailable" };

function test(name: string, body: (server: NatsServer) => Promise<void>): void {
  natsTest(`JetStreamLog: ${name}`, body);
}

/** All contents that `node` received. */
function contents(node: Node): unknown[] {
  return node.heard.map(({ content }) => content);
}

test("without NATS it refuses publishes, and goes on where it was", async (server) => {
  await using a = await startNode(server.url);
  await using b = await startNode(server.url);
  const [first] = await a.log.publish(toEveryone("1", "2"));
  await eventually(() => assert.equal(b.heard.length, 2));
  await server.stop("SIGKILL");
  await assert.rejects(a.log.publish(toEveryone("lost")), UNAVAILABLE);
  await assert.rejects(a.log.check(), UNAVAILABLE);
  const known = await readAll(b.log, { after: first!.id });
  assert.deepEqual(known.map(({ content }) => content), ["2"], "it still knows what it heard");
  await server.start();
  await eventually(() => b.log.publish(toEveryone("3")));
  await eventually(() => a.log.publish(toEveryone("4")));
  await eventually(() => a.log.check());
  for (const node of [a, b]) {
    await eventually(() => assert.equal(node.heard.length, 4));
    assert.deepEqual(contents(node), ["1", "2", "3", "4"]);
    assert.match(node.logger.text(), /connection to NATS is lost[^]*connected to NATS again/);
  }
});

test("a NATS that falls silent makes publishes fail, and nothing else", async (server) => {
  await using node = await startNode(server.url);
  await node.log.publish(toEveryone("1"));
  await server.freeze();
  const once = () => node.log.publishOnce({ key: "k", digest: "d" }, toEveryone("2"));
  const refused = [once(), ...["a", "b", "c"].map((each) => node.log.publish(toEveryone(each)))];
  await Promise.all(refused.map((publish) => assert.rejects(publish, UNAVAILABLE)));
  server.signal("SIGCONT");
  // Stored or not, the key decides.
  await eventually(once);
  await node.log.publish(toEveryone("3"));
  const heard = contents(node);
  assert.deepEqual(heard.filter((each) => Number(each) > 0), ["1", "2", "3"]);
  assert.equal(new Set(heard).size, heard.length, `nothing twice: ${heard}`);
});

test("a publish whose answer is lost is there once, key or no key", async (server) => {
  using relay = new Relay(server.url);
  await using node = await startNode(relay.url);
  await using other = await startNode(server.url);
  for (const [round, content] of ["1", "2", "3"].entries()) {
    relay.loseAnswers();
    const lost = node.log.publish(toEveryone(content));
    lost.catch(() => {});
    await eventually(() => assert.equal(contents(other).at(-1), content));
    relay.drop();
    await assert.rejects(lost, UNAVAILABLE);
    await eventually(() => {
      const again = node.logger.messages("info").filter((each) =>
        each === "connected to NATS again"
      );
      assert.ok(again.length > round);
    });
  }
  await node.log.publish(toEveryone("4"));
  await eventually(() => assert.equal(contents(other).at(-1), "4"));
  assert.deepEqual(contents(other), ["1", "2", "3", "4"]);
  assert.deepEqual(contents(node), ["1", "2", "3", "4"]);
});

test("every message reaches three nodes once and in order, however often NATS is killed", async (server) => {
  await using a = await startNode(server.url);
  await using b = await startNode(server.url);
  await using c = await startNode(server.url);
  const nodes = [a, b, c];
  let done = false;
  const accepted: string[] = [];
  const publishers = nodes.map(async ({ log }, number) => {
    for (let count = 0; !done || count < 20; count++) {
      const key = `${number}.${count}`;
      const drafts = toEveryone(`${key} a`, `${key} b`);
      const { messages } = await eventually(() => log.publishOnce({ key, digest: "d" }, drafts));
      accepted.push(...messages.map(({ id }) => id));
    }
  });
  for (let kill = 0; kill < 5; kill++) {
    const before = accepted.length;
    await eventually(() => assert.ok(accepted.length > before + 20));
    await server.stop("SIGKILL");
    await server.start();
  }
  done = true;
  await Promise.all(publishers);
  const order = accepted.toSorted((x, y) => sequence(x) - sequence(y));
  assert.equal(new Set(order).size, order.length);
  for (const node of nodes) {
    await eventually(() => assert.equal(node.heard.length, order.length));
    assert.deepEqual(node.heard.map(({ id }) => id), order);
  }
  const read = await readAll(a.log);
  assert.deepEqual(read.map(({ id }) => id), order);
});

test("a client that is ahead of its node is waited for, and one from the future is not", async (server) => {
  await using a = await startNode(server.url);
  await using b = await startNode(server.url);
  for (let round = 0; round < 50; round++) {
    const [message] = await a.log.publish(toEveryone(`${round}`));
    const query = { after: message!.id, audience: EVERYONE, limit: 10, maxBytes: 1000 };
    const page = await b.log.read(query);
    assert.ok(page !== "expired");
    const { epoch = "" } = parseMessageId(message!.id) ?? {};
    const future = `${epoch}-${message!.sequence + 1}`;
    assert.equal(await b.log.read({ ...query, after: future }), "expired");
  }
});

test("a stream that lost everything is not taken for the one it was", async (server) => {
  await using node = await startNode(server.url);
  const [message] = await node.log.publish(toEveryone("1"));
  await server.stop();
  server.forget();
  await server.start();
  const replaced = { code: "log_corrupt" };
  await using other = await eventually(() => startNode(server.url));
  await eventually(() => assert.rejects(node.log.check(), replaced));
  await assert.rejects(node.log.publish(toEveryone("2")), replaced);
  const query = { after: message!.id, audience: EVERYONE, limit: 10, maxBytes: 1000 };
  assert.equal(await other.log.read(query), "expired");
});

test("a stream that is deleted is found out, and one in its place takes no publish", async (server) => {
  await using node = await startNode(server.url);
  for (const content of ["1", "2", "3"]) await node.log.publish(toEveryone(content));
  await node.log.check();
  await node.removeStream();
  const deletedAt = performance.now();
  await eventually(() => assert.rejects(node.log.check(), UNAVAILABLE));
  assert.ok(performance.now() - deletedAt < 1000, "within a second");
  await assert.rejects(node.log.publish(toEveryone("lost")), UNAVAILABLE);
});

test("a publish is refused whose stream was replaced a moment before", async (server) => {
  await using node = await startNode(server.url);
  for (const content of ["1", "2", "3"]) await node.log.publish(toEveryone(content));
  await node.removeStream();
  await using _other = await startNode(server.url);
  await assert.rejects(node.log.publish(toEveryone("lost")), { code: "log_corrupt" });
  await assert.rejects(node.log.check(), { code: "log_corrupt" });
});

test("a publish that NATS cannot take at once is refused", async (server) => {
  await using node = await startNode(server.url);
  await assert.rejects(node.log.publish(toEveryone("x".repeat(2 ** 20))), {
    code: "publish_too_large",
  });
  await node.log.publish(toEveryone("x".repeat(2 ** 19)));
});

for (const [what, removed] of [["some", [2, 3]], ["all", [1, 2, 3]]] as const) {
  test(`a node starts although ${what} entries were deleted at the end`, async (server) => {
    await using node = await startNode(server.url);
    for (const content of ["1", "2", "3"]) await node.log.publish(toEveryone(content));
    for (const number of removed) await node.remove(number);
    await using other = await startNode(server.url, { windowBytes: 0 });
    await other.log.check();
    const { id: after } = node.log.head();
    assert.deepEqual(await readAll(other.log, { after }), []);
    const [next] = await other.log.publish(toEveryone("4"));
    assert.deepEqual(await readAll(other.log, { after }), [next]);
    assert.equal(other.heard.length, 1);
    await eventually(async () => assert.deepEqual(await readAll(node.log, { after }), [next]));
  });
}

function sequence(id: string): number {
  return Number(id.split("-")[1]);
}
