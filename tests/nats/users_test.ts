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

/** A node where every user has so many connections, and these are in every channel. */
async function startNode(
  url: string,
  connections: number,
  names: readonly string[] = [],
): Promise<Node> {
  const calls: string[] = [];
  const local: Users = {
    execute: (command) => {
      const channel = "channel" in command ? ` ${command.channel}` : "";
      calls.push(`${command.do} ${command.user}${channel}`);
      return Promise.resolve(command.do === "disconnect" ? connections : 0);
    },
    presence: (users) =>
      users.map((user) => ({ connections, channels: [`${user}'s on ${connections}`, "shared"] })),
    inspect: (user) => {
      const node = `n${connections}`;
      const session = { id: `${user}'s`, node, transport: "fake", since: connections };
      const rest = { roundTripMs: null, unsentBytes: 0, replayingAfter: null, sentUpTo: "e-1" };
      return Promise.resolve({
        ...{ connections, channels: [node, "shared"], sessions: [{ ...session, ...rest }] },
      });
    },
    channelPresence: () => assert.fail("a user may be on many nodes"),
    channelUsers: ({ after = "", limit }) => {
      const rest = names.filter((name) => name > after).sort();
      const users = rest.slice(0, limit).map((user) => ({ user, connections }));
      return { users, more: rest.length > limit };
    },
  };
  const world = { clock: new SystemClock(), ids: new RandomIds(), logger: new FakeLogger() };
  const nats = await connectNats({ servers: [url] }, world);
  const options = { stream: "test", subject: "test", replicas: 1 };
  const log = await openJetStreamLog({ ...world, ...options, nats });
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

async function connectionsSeenBy({ users }: Node): Promise<number | undefined> {
  return (await users.presence(["alice"]))[0]?.connections;
}

function test(name: string, body: (url: string, server: NatsServer) => Promise<void>): void {
  natsTest(`ClusterUsers: ${name}`, (server) => body(server.url, server));
}

test("presence() counts the connections of every node", async (url) => {
  await using a = await startNode(url, 1);
  assert.deepEqual(await a.users.presence(["alice"]), [
    { connections: 1, channels: ["alice's on 1", "shared"] },
  ]);
  await using b = await startNode(url, 2);
  await using c = await startNode(url, 4);
  for (const { users } of [a, b, c]) {
    assert.deepEqual(
      await users.presence(["bob", "alice", "bob"]),
      ["bob", "alice", "bob"].map((user) => ({
        connections: 7,
        channels: [`${user}'s on 1`, `${user}'s on 2`, `${user}'s on 4`, "shared"],
      })),
    );
  }
  assert.deepEqual(await a.users.presence([]), []);
});

test("inspect() describes the connections of every node, newest first", async (url) => {
  await using a = await startNode(url, 1);
  await using _b = await startNode(url, 2);
  const { sessions, ...presence } = await a.users.inspect("alice");
  assert.deepEqual(presence, { connections: 3, channels: ["n1", "n2", "shared"] });
  assert.deepEqual(sessions.map(({ id, node }) => [id, node]), [["alice's", "n2"], [
    "alice's",
    "n1",
  ]]);
});

test("channelUsers() pages through the users of every node by name, each once", async (url) => {
  await using a = await startNode(url, 1, ["ann", "bob", "dan"]);
  await using _b = await startNode(url, 2, ["bob", "cat", "eve"]);
  const channel = "room";
  const pages: string[] = [];
  for (let after: string | undefined, more = true; more;) {
    const page = await a.users.channelUsers({ channel, after, limit: 2 });
    pages.push(page.users.map(({ user, connections }) => `${user} ${connections}`).join());
    ({ more } = page);
    after = page.users.at(-1)?.user;
  }
  assert.deepEqual(pages, ["ann 1,bob 3", "cat 2,dan 1", "eve 2"]);
  assert.deepEqual(await a.users.channelPresence(channel), { users: 5, connections: 9 });
  const { users, more } = await a.users.channelUsers({ channel, after: "dan", limit: 1 });
  assert.deepEqual([users, more], [[{ user: "eve", connections: 2 }], false]);
});

test("what does not fit into one text of NATS is asked for in parts", async (url) => {
  // A megabyte of names in UTF-8, which is max_payload.
  const names = Array.from({ length: 1500 }, (_, index) => `${1000 + index}${"€".repeat(250)}`);
  await using a = await startNode(url, 1, names);
  await using _b = await startNode(url, 2, names.filter((_, index) => index % 2 === 0));
  const channel = "room";
  assert.deepEqual(await a.users.channelPresence(channel), { users: 1500, connections: 3000 });
  const page = await a.users.channelUsers({ channel, after: undefined, limit: 1500 });
  assert.ok(page.more && page.users.length < 1500, "a page is shorter than was asked");
  const expected = names.map((user, index) => ({ user, connections: index % 2 === 0 ? 3 : 1 }));
  assert.deepEqual(page.users, expected.slice(0, page.users.length));
  const found = await a.users.presence(names);
  assert.deepEqual(
    found.map(({ channels }) => channels),
    names.map((user) => [
      ...[`${user}'s on 1`, `${user}'s on 2`, "shared"],
    ]),
  );
});

test("an older node answers for one user at a time, and not for channels", async (url) => {
  await using a = await startNode(url, 1, ["ann"]);
  const nats = await connectNats({ servers: [url] }, {
    ...{ clock: new SystemClock(), ids: new RandomIds(), logger: new FakeLogger() },
  });
  const bus = natsBus(nats);
  const old = JSON.stringify({ node: "old", state: "new" });
  const questions: string[] = [];
  bus.subscribe("test-nodes.users", (text, reply = "") => {
    questions.push(text);
    const { user } = JSON.parse(text);
    bus.publish(reply, JSON.stringify({ node: "old", connections: 2, channels: [user] }));
  });
  bus.subscribe("test-nodes.nodes", (text) => {
    if (JSON.parse(text).node !== "old") bus.publish("test-nodes.nodes", old);
  });
  bus.publish("test-nodes.nodes", old);
  await nats.flush();
  await eventually(() => assert.ok(a.logger.messages("info").includes("node joined")));
  assert.deepEqual(
    await a.users.presence(["ann", "bob"]),
    ["ann", "bob"].map((user) => ({
      connections: 3,
      channels: [user, `${user}'s on 1`, "shared"],
    })),
  );
  const { connections, sessions } = await a.users.inspect("ann");
  assert.deepEqual([connections, sessions.map(({ node }) => node)], [3, ["n1"]]);
  const query = { channel: "room", after: undefined, limit: 1 };
  await assert.rejects(a.users.channelUsers(query), { code: "log_unavailable" });
  await assert.rejects(a.users.channelPresence("room"), { code: "log_unavailable" });
  // Its own question gets an answer that it understands.
  const answers: unknown[] = [];
  bus.subscribe("test-nodes.answers.old", (text) => void answers.push(JSON.parse(text)));
  bus.publish("test-nodes.users", JSON.stringify({ user: "ann" }), "test-nodes.answers.old");
  await eventually(() => assert.equal(answers.length, 2));
  await nats.close();
  for (const answer of answers) {
    const { connections, channels } = answer as { connections: number; channels: string[] };
    assert.ok(connections > 0 && channels.length > 0);
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
  await eventually(async () => assert.equal(await connectionsSeenBy(a), 5));
  await c.die();
  await assert.rejects(a.users.presence(["alice"]), { code: "log_unavailable" });
  assert.equal(
    await a.users.execute({ do: "disconnect", user: "alice" }),
    1,
    "which is stored for those who are there",
  );
  await eventually(async () => assert.equal(await connectionsSeenBy(a), 1));
});

test("a node that was cut off comes to every command in its place among the messages", async (url) => {
  using relay = new Relay(url);
  await using a = await startNode(url, 1);
  await using b = await startNode(relay.url, 2);
  const channel = "room";
  await a.users.execute({ do: "join", user: "alice", channel });
  relay.cut();
  await eventually(async () => assert.equal(await connectionsSeenBy(a), 1));
  await a.log.publish([{ channel, author: "1", content: "before" }]);
  await a.users.execute({ do: "leave", user: "alice", channel });
  await a.log.publish([{ channel, author: "1", content: "after" }]);
  assert.equal(await a.users.execute({ do: "disconnect", user: "alice" }), 1);
  assert.deepEqual(b.calls, ["join alice room"]);
  relay.heal();
  const order = ["join alice room", "message before", "leave alice room", "message after"];
  order.push("disconnect alice");
  for (const { calls } of [a, b]) await eventually(() => assert.deepEqual(calls, order));
  await eventually(async () => assert.equal(await connectionsSeenBy(b), 3));
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
