/**
 * Users with connections on several nodes, with a real nats-server.
 *
 * @module
 */

import assert from "node:assert/strict";
import { openJetStreamLog } from "../../gateway/log/mod.ts";
import { connectNats } from "../../gateway/cluster/connect.ts";
import { natsBus } from "../../gateway/cluster/bus.ts";
import { ClusterUsers } from "../../gateway/cluster/cluster_users.ts";
import { SystemClock } from "../../gateway/runtime/clock.ts";
import { RandomIds } from "../../gateway/runtime/ids.ts";
import { FakeLogger } from "../../mock/doubles/logger.ts";
import type { CommandLog, Json, MessageLog, SharedCommand, Users } from "../../gateway/ports.ts";
import { eventually } from "./support/nodes.ts";
import { Relay } from "./support/relay.ts";
import type { NatsServer } from "./support/server.ts";
import { natsTest } from "./support/suite.ts";

interface Node extends AsyncDisposable {
  readonly users: ClusterUsers;
  readonly log: MessageLog & CommandLog;
  readonly logger: FakeLogger;
  /** Its calls and the messages that it received, in order. */
  readonly calls: string[];
  /** Ends it without telling other nodes. */
  die(): Promise<void>;
}

async function startNode(url: string, connections: number): Promise<Node> {
  const calls: string[] = [];
  const local: Users = {
    execute: (command) => {
      const channel = command.do === "disconnect" ? "" : ` ${command.channel}`;
      calls.push(`${command.do} ${command.user}${channel}`);
      return Promise.resolve(command.do === "disconnect" ? connections : 0);
    },
    presence: () => ({ connections, channels: [`own ${connections}`, "shared"] }),
  };
  const world = { clock: new SystemClock(), ids: new RandomIds(), logger: new FakeLogger() };
  const nats = await connectNats({ servers: [url] }, world);
  const names = { stream: "test", subject: "test", replicas: 1 };
  const log = await openJetStreamLog({ ...world, ...names, nats });
  log.subscribe((messages) => {
    for (const { content } of messages) calls.push(`message ${content}`);
  });
  const subject = "test-nodes";
  const users = await ClusterUsers.start({ ...world, bus: natsBus(nats), log, local, subject });
  const die = async () => {
    await nats.close();
    users.close();
    await log.close();
  };
  return {
    users,
    log,
    logger: world.logger,
    calls,
    die,
    [Symbol.asyncDispose]: async () => {
      users.close();
      await log.close();
      await nats.close();
    },
  };
}

function test(name: string, body: (url: string, server: NatsServer) => Promise<void>): void {
  natsTest(`ClusterUsers: ${name}`, (server) => body(server.url, server));
}

test("presence() counts the connections of every node", async (url) => {
  await using a = await startNode(url, 1);
  assert.deepEqual(await a.users.presence("alice"), {
    connections: 1,
    channels: ["own 1", "shared"],
  });
  await using b = await startNode(url, 2);
  await using c = await startNode(url, 4);
  for (const { users } of [a, b, c]) {
    assert.deepEqual(await users.presence("alice"), {
      connections: 7,
      channels: ["own 1", "own 2", "own 4", "shared"],
    });
  }
});

test("execute() reaches every node before it resolves", async (url) => {
  await using a = await startNode(url, 1);
  await using b = await startNode(url, 2);
  await a.users.execute({ do: "join", user: "alice", channel: "room" });
  await b.users.execute({ do: "leave", user: "alice", channel: "room" });
  assert.equal(await a.users.execute({ do: "disconnect", user: "alice" }), 3);
  for (const { calls } of [a, b]) {
    assert.deepEqual(calls, ["join alice room", "leave alice room", "disconnect alice"]);
  }
});

test("a node that says goodbye is not waited for, and one that dies only for a while", async (url) => {
  await using a = await startNode(url, 1);
  const b = await startNode(url, 2);
  const c = await startNode(url, 4);
  await b[Symbol.asyncDispose]();
  await eventually(async () => assert.equal((await a.users.presence("alice")).connections, 5));
  await c.die();
  await assert.rejects(a.users.presence("alice"), { code: "log_unavailable" });
  assert.equal(
    await a.users.execute({ do: "disconnect", user: "alice" }),
    1,
    "which is stored for those who are there",
  );
  await eventually(async () => assert.equal((await a.users.presence("alice")).connections, 1));
});

test("a node that was cut off comes to every command in its place among the messages", async (url) => {
  using relay = new Relay(url);
  await using a = await startNode(url, 1);
  await using b = await startNode(relay.url, 2);
  const channel = "room";
  await a.users.execute({ do: "join", user: "alice", channel });
  relay.cut();
  await eventually(async () => assert.equal((await a.users.presence("alice")).connections, 1));
  await a.log.publish([{ channel, author: "1", content: "before" }]);
  await a.users.execute({ do: "leave", user: "alice", channel });
  await a.log.publish([{ channel, author: "1", content: "after" }]);
  assert.equal(await a.users.execute({ do: "disconnect", user: "alice" }), 1);
  assert.deepEqual(b.calls, ["join alice room"]);
  relay.heal();
  const order = ["join alice room", "message before", "leave alice room", "message after"];
  order.push("disconnect alice");
  for (const { calls } of [a, b]) await eventually(() => assert.deepEqual(calls, order));
  await eventually(async () => assert.equal((await b.users.presence("alice")).connections, 3));
  await a.users.execute({ do: "leave", user: "bob", channel });
  for (const { calls } of [a, b]) assert.deepEqual(calls, [...order, "leave bob room"]);
});

test("a node that starts executes no earlier command, and reads around it", async (url) => {
  await using a = await startNode(url, 1);
  await a.users.execute({ do: "join", user: "alice", channel: "room" });
  const [message] = await a.log.publish([{ author: "1", content: "said" }]);
  await a.users.execute({ do: "leave", user: "alice", channel: "room" });
  await using b = await startNode(url, 2);
  await a.users.execute({ do: "disconnect", user: "alice" });
  assert.deepEqual(b.calls, ["disconnect alice"]);
  const query = { audience: { everyone: true, channels: [] }, limit: 10, maxBytes: 1000 };
  const all = await b.log.read({ ...query, after: undefined });
  assert.deepEqual(all !== "expired" && all.messages.map(({ content }) => content), ["said"]);
  const rest = await b.log.read({ ...query, after: message!.id });
  assert.deepEqual(rest !== "expired" && rest.messages, []);
  const [next] = await b.log.publish([{ author: "1", content: "next" }]);
  assert.ok(next!.sequence > message!.sequence);
  await eventually(() => assert.equal(a.calls.at(-1), "message next"));
  const after = await a.log.read({ ...query, after: message!.id });
  assert.deepEqual(after !== "expired" && after.messages.map(({ id }) => id), [next!.id]);
});

test("an invalid command in the stream is logged, not executed and not answered", async (url) => {
  await using a = await startNode(url, 1);
  const good = {
    do: "leave" as const,
    user: "ann",
    channel: "room",
    reply: "test-nodes.answers.0a",
  };
  const { channel: _, ...without } = good;
  const foreign: readonly Json[] = [
    ...[null, "leave", [], {}, without],
    { ...good, do: "promote" },
    { ...good, user: "" },
    { ...good, user: 7 },
    { ...good, channel: "a\nb" },
    { ...good, reply: "test-nodes.answers." },
    { ...good, reply: "test-nodes.answers.>" },
    { ...good, reply: "$JS.API.STREAM.PURGE.test" },
  ];
  for (const command of foreign) await a.log.appendCommand(command as SharedCommand);
  assert.deepEqual(a.calls, []);
  assert.equal(a.logger.messages("error").length, foreign.length);
  await a.log.appendCommand({ ...good, later: "fields" } as SharedCommand);
  assert.deepEqual(a.calls, ["leave ann room"]);
});

test("a command that NATS cannot store is refused", async (url, server) => {
  await using a = await startNode(url, 1);
  await server.stop();
  await assert.rejects(a.users.execute({ do: "disconnect", user: "alice" }), {
    code: "log_unavailable",
  });
  await assert.rejects(a.users.execute({ do: "join", user: "alice", channel: "room" }), {
    code: "log_unavailable",
  });
  assert.deepEqual(a.calls, []);
});
