/**
 * Commands in the stream: in one order with messages, and never delivered as messages. The contract suite also
 * runs over a log with commands in between.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { SharedCommand } from "../../gateway/ports.ts";
import { EVERYONE, readAll, toEveryone } from "../contract/support.ts";
import { eventually, startNode } from "./support/nodes.ts";
import type { NatsServer } from "./support/server.ts";
import { natsTest } from "./support/suite.ts";

function test(name: string, body: (server: NatsServer) => Promise<void>): void {
  natsTest(`JetStreamLog: ${name}`, body);
}

const reply = "test-nodes.answers.0";
const LEAVE: SharedCommand = { do: "leave", user: "ann/'\"", channel: "café", reply };
const DISCONNECT: SharedCommand = { do: "disconnect", user: "ann", reply };

test("every node hears commands in one order with the messages", async (server) => {
  await using a = await startNode(server.url);
  await using b = await startNode(server.url);
  const orders = [a, b].map(({ log }) => {
    const order: string[] = [];
    log.subscribe((messages) => order.push(...messages.map(({ content }) => String(content))));
    log.subscribeCommands((command) => order.push(command.user));
    return order;
  });
  await Promise.all(
    Array.from({ length: 40 }, async (_, index) => {
      const { log } = [a, b][index % 2]!;
      if (index % 3 === 0) await log.publish(toEveryone(`${index} a`, `${index} b`));
      else await log.appendCommand({ do: "disconnect", user: `${index}`, reply });
    }),
  );
  const all = 40 + 14;
  await eventually(() => assert.deepEqual(orders.map(({ length }) => length), [all, all]));
  assert.equal(new Set(orders[0]).size, all);
  assert.deepEqual(orders[0], orders[1]);
  assert.equal((await readAll(a.log)).length, 28);
});

test("appendCommand() resolves when its listeners have it as it was, and no longer tells one that has gone", async (server) => {
  await using node = await startNode(server.url);
  const { log, commands, heard, logger } = node;
  const stop = log.subscribeCommands(() => {
    throw new Error("a bug in a listener");
  });
  await log.appendCommand(LEAVE);
  assert.deepEqual(commands, [LEAVE]);
  assert.match(logger.text(), /a bug in a listener/);
  stop();
  await log.appendCommand(DISCONNECT);
  assert.deepEqual(commands, [LEAVE, DISCONNECT]);
  assert.equal(logger.messages("error").length, 1);
  assert.deepEqual(heard, []);
});

test("a node that starts hears no command from before, and is where the others are", async (server) => {
  await using first = await startNode(server.url);
  await first.log.appendCommand(LEAVE);
  for (const windowBytes of [1e6, 0]) {
    await using early = await startNode(server.url, { windowBytes });
    const [message] = await first.log.publish(toEveryone("1"));
    await first.log.appendCommand(LEAVE);
    await using late = await startNode(server.url, { windowBytes });
    assert.deepEqual(late.log.head(), first.log.head());
    assert.deepEqual(late.log.head(), { id: message!.id, sequence: message!.sequence });
    assert.deepEqual([late.commands, late.heard], [[], []]);
    const page = { audience: EVERYONE, limit: 10, maxBytes: 1000 };
    assert.deepEqual(await late.log.read({ ...page, after: message!.id }), {
      ...{ messages: [], more: false, upTo: late.log.head() },
    });
    const [next] = await late.log.publish(toEveryone("2"));
    assert.ok(next!.sequence > message!.sequence);
    await late.log.appendCommand(DISCONNECT);
    assert.deepEqual(late.commands, [DISCONNECT]);
    await eventually(() => assert.deepEqual(early.commands, [LEAVE, DISCONNECT]));
    await eventually(() => assert.deepEqual(first.commands.at(-1), DISCONNECT));
    for (const { log } of [first, early, late]) {
      assert.deepEqual(await readAll(log, { after: message!.id }), [next]);
      assert.deepEqual(log.head(), { id: next!.id, sequence: next!.sequence });
    }
  }
});

test("a client of a node that started with nothing but commands resumes on any other", async (server) => {
  await using first = await startNode(server.url);
  const beginning = first.log.head();
  await first.log.appendCommand(LEAVE);
  await using second = await startNode(server.url);
  const start = second.log.head();
  assert.ok(start.sequence > beginning.sequence);
  assert.deepEqual(await readAll(first.log, { after: start.id }), []);
  const published = await first.log.publish(toEveryone("1"));
  assert.ok(published[0]!.sequence > start.sequence);
  await eventually(() => assert.equal(second.heard.length, 1));
  for (const { log } of [first, second]) {
    for (const { id } of [beginning, start]) {
      assert.deepEqual(await readAll(log, { after: id }), published);
    }
  }
});

test("with a command as the oldest entry, what follows it can be resumed", async (server) => {
  await using node = await startNode(server.url);
  const published = await node.log.publish(toEveryone("1", "2"));
  await node.log.appendCommand(LEAVE);
  await node.log.publish(toEveryone("3"));
  await node.purge(2);
  await using other = await startNode(server.url, { windowBytes: 0 });
  const after = async (id: string) => {
    const page = await other.log.read({ after: id, audience: EVERYONE, limit: 10, maxBytes: 1000 });
    return page === "expired" ? page : page.messages.map(({ content }) => content);
  };
  assert.equal(await after(published[0]!.id), "expired");
  assert.deepEqual(await after(published[1]!.id), ["3"]);
  // It can no longer be known that the removed entry was no message.
  await node.purge(3);
  assert.equal(await after(published[1]!.id), "expired");
});

test("without NATS a command is refused", async (server) => {
  await using node = await startNode(server.url);
  await server.stop();
  await assert.rejects(node.log.appendCommand(LEAVE), { code: "log_unavailable" });
  await server.start();
  await eventually(() => node.log.appendCommand(LEAVE));
  await node.log.close();
  await assert.rejects(node.log.appendCommand(LEAVE), { code: "log_closed" });
});
