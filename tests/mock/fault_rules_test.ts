/**
 * Rules of the mock gateway: each action, on the events that it is for, and as often as it says.
 *
 * @module
 */

import assert from "node:assert/strict";
import { createMockGateway, type MockGateway, type NewFaultRule } from "../../mock/mod.ts";
import { Player, saying } from "./support/player.ts";

const INTERVAL_MS = 45_000;

const ops = (player: Player) => player.frames.map(({ op }) => op);

interface Case {
  readonly rule: NewFaultRule;
  /** Runs a player that connects after the rule was added. */
  readonly run: (player: Player, gateway: MockGateway) => Promise<void> | void;
}

const CASES: Readonly<Record<string, Case>> = {
  "no Hello": {
    rule: { match: { op: 0 }, action: { type: "lose" } },
    run: (player) => assert.deepEqual(ops(player), []),
  },
  "no Ready": {
    rule: { match: { op: 2, user: "alice" }, action: { type: "lose" } },
    run: async (player, gateway) => {
      await player.identify(await gateway.token());
      assert.deepEqual(ops(player), [0]);
      assert.equal(gateway.connections[0]?.phase, "ready");
    },
  },
  "a lost Identify": {
    rule: { match: { op: 1 }, action: { type: "lose" } },
    run: async (player, gateway) => {
      await player.identify(await gateway.token());
      assert.equal(gateway.connections[0]?.phase, "unidentified");
    },
  },
  "a late Identify, and what follows it stays behind": {
    rule: { match: { op: 1 }, action: { type: "delay", ms: 300 } },
    run: async (player, gateway) => {
      await player.identify(await gateway.token());
      player.send({ op: 10, time: 1 });
      await gateway.advance(299);
      assert.deepEqual(ops(player), [0]);
      await gateway.advance(1);
      // The token is verified meanwhile.
      assert.deepEqual(new Set(ops(player)), new Set([0, 2, 11]));
    },
  },
  "the second message twice": {
    rule: { match: { op: 3, nth: 2 }, action: { type: "duplicate" } },
    run: async (player, gateway) => {
      await player.identify(await gateway.token());
      await gateway.publish(saying("one"), saying("two"), saying("three"));
      assert.deepEqual(player.messages, ["one", "two", "two", "three"]);
    },
  },
  "half a message": {
    rule: { match: { op: 3 }, action: { type: "corrupt" }, times: 1 },
    run: async (player, gateway) => {
      await player.identify(await gateway.token());
      await gateway.publish(saying("one"), saying("two"));
      const half = player.texts[2];
      assert.match(half ?? "", /^\{"op":3,"id":"[^}]*$/);
      assert.deepEqual(player.messages, ["two"]);
    },
  },
  "half an Identify": {
    rule: { match: { op: 1 }, action: { type: "corrupt" } },
    run: async (player, gateway) => {
      await player.identify(await gateway.token());
      assert.equal(player.ending()?.code, 4001);
    },
  },
  "another frame before the message": {
    rule: { match: { op: 3 }, action: { type: "send", frame: { op: 99 } } },
    run: async (player, gateway) => {
      await player.identify(await gateway.token());
      await gateway.publish(saying("one"));
      assert.deepEqual(ops(player), [0, 2, 99, 3]);
    },
  },
  "a lost heartbeat that counts as acknowledged": {
    rule: { match: { op: 10, nth: 2 }, action: { type: "acknowledge" } },
    run: async (player, gateway) => {
      await player.identify(await gateway.token());
      await gateway.advance(3 * INTERVAL_MS);
      assert.deepEqual(player.of(10).map(({ atMs }) => atMs / INTERVAL_MS), [1, 3]);
      assert.equal(player.ending(), undefined);
    },
  },
  "a close in place of Ready": {
    rule: { match: { op: 2 }, action: { type: "close", code: 1013, reason: "full" } },
    run: async (player, gateway) => {
      await player.identify(await gateway.token());
      const { code, reason } = player.ending() ?? {};
      assert.deepEqual([code, reason, ...ops(player)], [1013, "full", 0]);
      assert.equal(gateway.connections.length, 0);
    },
  },
  "a drop when the client identifies": {
    rule: { match: { op: 1 }, action: { type: "drop" } },
    run: async (player, gateway) => {
      await player.identify(await gateway.token());
      assert.deepEqual([player.ending()?.code, ...ops(player)], [1006, 0]);
      assert.equal(gateway.connections.length, 0);
    },
  },
  "a refused handshake": {
    rule: { action: { type: "refuse" } },
    run: (player) => assert.equal(player.ending()?.code, 1006),
  },
};

for (const [name, { rule, run }] of Object.entries(CASES)) {
  Deno.test(`rules: ${name}`, async () => {
    await using gateway = await createMockGateway();
    const { id } = gateway.rules.add(rule);
    await run(await Player.connect(gateway), gateway);
    assert.equal(gateway.rules.list.find((added) => added.id === id)?.applied, 1);
  });
}

Deno.test("rules: each replay ends in its middle, twice, and then the client has all", async () => {
  await using gateway = await createMockGateway();
  const first = await Player.ready(gateway);
  const lastId = String(first.of(2)[0]?.["last_id"]);
  await gateway.publish(...["one", "two", "three"].map(saying));
  const end = { match: { replayed: true, nth: 3 }, action: { type: "drop" }, times: 2 } as const;
  const { id } = gateway.rules.add(end);
  for (const expected of [["one", "two"], ["one", "two"], ["one", "two", "three"]]) {
    const player = await Player.ready(gateway, lastId);
    assert.deepEqual(player.messages, expected);
    assert.equal(player.ending()?.code, expected.length === 3 ? undefined : 1006);
  }
  assert.deepEqual(gateway.rules.list, [{
    id,
    applied: 2,
    ...end,
    match: { ...end.match, on: "sent" },
  }]);
  const kept = gateway.transcript.filter(({ event }) => event === "not_sent");
  assert.equal(kept.length, 2, "the message that a drop prevents is in the transcript");
});

Deno.test("rules: what is held waits until the rule is removed, in order", async () => {
  await using gateway = await createMockGateway();
  const player = await Player.ready(gateway);
  const { id } = gateway.rules.add({ match: { op: 3 }, action: { type: "hold" }, times: 1 });
  await gateway.publish(saying("one"), saying("two"));
  await gateway.close("all", { code: 1012 });
  assert.deepEqual([player.messages, player.ending()], [[], undefined]);
  assert.ok(gateway.rules.remove(id));
  assert.ok(!gateway.rules.remove(id));
  await gateway.settled();
  assert.deepEqual([player.messages, player.ending()?.code], [["one", "two"], 1012]);
});

Deno.test("rules: a rule of one connection or user spares others; reset removes it", async () => {
  await using gateway = await createMockGateway();
  gateway.rules.add({ match: { op: 3, connection: "c2" }, action: { type: "lose" } });
  gateway.rules.add({ match: { op: 3, user: "bob" }, action: { type: "lose" } });
  const [alice, other] = [await Player.ready(gateway), await Player.ready(gateway)];
  const bob = await Player.connect(gateway);
  await bob.identify(await gateway.token({ user: "bob" }));
  await gateway.publish(saying("one"));
  assert.deepEqual([alice, other, bob].map(({ messages }) => messages.length), [1, 0, 0]);
  await gateway.reset();
  assert.deepEqual(gateway.rules.list, []);
  assert.equal(gateway.rules.add({ action: { type: "drop" } }).id, "r1");
});

Deno.test("rules: a publish is refused with the status of the rule, as often as it says", async () => {
  await using gateway = await createMockGateway();
  gateway.rules.add({ match: { on: "publish" }, action: { type: "refuse" }, times: 1 });
  const headers = { authorization: "Bearer dev", "content-type": "application/json" };
  const post = () =>
    gateway.fetch("/messages", { method: "POST", headers, body: JSON.stringify(saying("one")) });
  const refused = await post();
  assert.deepEqual([refused.status, (await refused.json()).code], [503, "refused_by_rule"]);
  assert.equal((await post()).status, 201);
});

Deno.test("rules: add() refuses an action that cannot happen on its events", async () => {
  await using gateway = await createMockGateway();
  const senseless: readonly NewFaultRule[] = [
    { match: { on: "sent" }, action: { type: "refuse" } },
    { match: { on: "publish" }, action: { type: "drop" } },
    { match: { op: 1 }, action: { type: "refuse", status: 429 } },
    { match: { op: 3 }, action: { type: "acknowledge" } },
    { match: { on: "received", op: 10 }, action: { type: "acknowledge" } },
  ];
  for (const rule of senseless) assert.throws(() => gateway.rules.add(rule), TypeError);
  assert.deepEqual(gateway.rules.list, []);
});
