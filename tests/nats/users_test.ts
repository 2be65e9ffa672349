/**
 * Users whose connections are on several nodes, with a real nats-server.
 *
 * @module
 */

import assert from "node:assert/strict";
import { connectNats } from "../../gateway/nats/connect.ts";
import { type LocalUsers, NatsUsers } from "../../gateway/nats/users.ts";
import { SystemClock } from "../../gateway/runtime/clock.ts";
import { RandomIds } from "../../gateway/runtime/ids.ts";
import { FakeLogger } from "../../mock/logger.ts";
import { eventually } from "./support/nodes.ts";
import { NatsServer, NO_NATS } from "./support/server.ts";

interface Node extends AsyncDisposable {
  readonly users: NatsUsers;
  readonly calls: string[];
  /** Ends it without a word to the others. */
  die(): Promise<void>;
}

async function startNode(url: string, connections: number): Promise<Node> {
  const calls: string[] = [];
  const local: LocalUsers = {
    join: (user, channel) => void calls.push(`join ${user} ${channel}`),
    leave: (user, channel) => void calls.push(`leave ${user} ${channel}`),
    disconnect: (user) => {
      calls.push(`disconnect ${user}`);
      return connections;
    },
    presence: () => ({ connections, channels: [`own ${connections}`, "shared"] }),
  };
  const world = { clock: new SystemClock(), ids: new RandomIds(), logger: new FakeLogger() };
  const nats = await connectNats({ servers: [url] }, world);
  const users = await NatsUsers.start({ ...world, nats, local, subject: "test-nodes" });
  const die = async () => {
    await nats.close();
    users.close();
  };
  return {
    users,
    calls,
    die,
    [Symbol.asyncDispose]: async () => {
      users.close();
      await nats.close();
    },
  };
}

function test(name: string, body: (url: string) => Promise<void>): void {
  Deno.test({
    name: `NatsUsers: ${name}${NO_NATS === undefined ? "" : ` (skipped: ${NO_NATS})`}`,
    ignore: NO_NATS !== undefined,
    fn: async () => {
      await using server = await NatsServer.start();
      await body(server.url);
    },
  });
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

test("join(), leave() and disconnect() reach every node before they resolve", async (url) => {
  await using a = await startNode(url, 1);
  await using b = await startNode(url, 2);
  await a.users.join("alice", "room");
  await b.users.leave("alice", "room");
  assert.equal(await a.users.disconnect("alice"), 3);
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
  await assert.rejects(a.users.disconnect("alice"), { code: "log_unavailable" });
  await eventually(async () => assert.equal((await a.users.presence("alice")).connections, 1));
});
