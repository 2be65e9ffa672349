/**
 * Revocations on several nodes, with a real nats-server: also those that a node missed and the log has forgotten.
 *
 * @module
 */

import assert from "node:assert/strict";
import { eventually, type Node, startNode } from "./support/nodes.ts";
import { Relay } from "./support/relay.ts";
import { natsTest } from "./support/suite.ts";

const REVOCATION = { user: "alice", issuedBefore: Date.now() } as const;
const TOKEN = { user: "alice", issuedAt: REVOCATION.issuedBefore - 1000 } as const;

function isRevoked({ log }: Node): boolean {
  return log.revocations.isRevoked(TOKEN);
}

/** As `revokeTokens()` does it. */
async function revoke({ log }: Node, revocation = REVOCATION): Promise<void> {
  await log.revocations.revoke(revocation);
  await log.appendCommand({ do: "revoke", ...revocation, reply: "nodes.answers.0" });
}

natsTest(
  "a revocation holds on every node before its command is executed there",
  async ({ url }) => {
    await using a = await startNode(url);
    await using b = await startNode(url);
    let known: boolean | undefined;
    b.log.subscribeCommands(() => known = isRevoked(b));
    await revoke(a);
    assert.ok(isRevoked(a));
    await eventually(() => assert.equal(known, true));
    assert.deepEqual(b.commands, [{ do: "revoke", ...REVOCATION, reply: "nodes.answers.0" }]);
  },
);

natsTest("a node that starts knows the revocations of before, of many users", async ({ url }) => {
  await using a = await startNode(url);
  const users = Array.from({ length: 1200 }, (_, number) => `user ${number}`);
  await Promise.all(users.map((user) => a.log.revocations.revoke({ ...REVOCATION, user })));
  await a.log.revocations.revoke(REVOCATION);
  await a.log.revocations.revoke({ ...REVOCATION, issuedBefore: REVOCATION.issuedBefore - 60_000 });
  await using b = await startNode(url);
  assert.ok(isRevoked(b), "an earlier one undoes nothing");
  for (const user of users) assert.ok(b.log.revocations.isRevoked({ ...TOKEN, user }), user);
  assert.equal(b.log.revocations.isRevoked({ ...TOKEN, user: "bob" }), false);
  assert.deepEqual(b.commands, []);
});

natsTest(
  "a node that was cut off learns a revocation that the log has forgotten, before what follows",
  async ({
    url,
  }) => {
    using relay = new Relay(url);
    await using a = await startNode(url);
    await using b = await startNode(relay.url);
    const order: string[] = [];
    b.log.subscribeCommands(({ do: what }) => order.push(`${what} ${isRevoked(b)}`));
    b.log.subscribe((messages) => order.push(...messages.map(({ content }) => String(content))));
    await a.log.publish([{ author: "1", content: "before" }]);
    await eventually(() => assert.deepEqual(order, ["before"]));
    relay.cut();
    relay.drop();
    await relay.connecting();
    await revoke(a);
    const [message] = await a.log.publish([{ author: "1", content: "forgotten" }]);
    await a.purge(Math.floor(message!.sequence / 1000) + 1);
    assert.equal(isRevoked(b), false);
    await a.log.publish([{ author: "1", content: "after" }]);
    relay.heal();
    await eventually(() => assert.ok(order.includes("after")));
    assert.deepEqual(order, ["before", "revoke true", "after"]);
  },
);

natsTest("a revocation is refused while NATS is away, and holds nowhere", async (server) => {
  await using a = await startNode(server.url);
  await server.stop();
  await assert.rejects(revoke(a), { code: "log_unavailable" });
  assert.equal(isRevoked(a), false);
});
