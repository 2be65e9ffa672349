/**
 * Webhooks against a real HTTP server, one that answers well and one that does not.
 *
 * @module
 */

import assert from "node:assert/strict";
import { variable } from "../permissions.ts";
import { GatewayProcess } from "./support/process.ts";
import { type Check, FORBIDDEN, processTest, suite } from "./support/suite.ts";
import type { Target } from "./support/target.ts";
import { eventually, pause } from "./support/wait.ts";
import { WebhookReceiver } from "./support/webhook_receiver.ts";

const NODES = variable("CONFORMANCE_NODES") === "nats" ? 3 : 1;
const receiver = FORBIDDEN === undefined ? await WebhookReceiver.start() : undefined;

/** Sees to it that the receiver is well before and after a check. */
function told(check: (gateway: Target, receiver: WebhookReceiver) => Promise<void>): Check {
  return async (gateway) => {
    assert.ok(receiver !== undefined);
    receiver.events.length = 0;
    await check(gateway, receiver);
    assert.deepEqual(receiver.forged, []);
  };
}

suite("webhooks", {
  settings: receiver?.settings ?? {},
  checks: {
    "each gateway tells its start": async () => {
      assert.ok(receiver !== undefined);
      const starts = await eventually("every start", () => {
        const starts = receiver.events.filter(({ type }) => type === "gateway.started");
        return Promise.resolve(starts.length === NODES ? starts : undefined);
      });
      const names = new Set(starts.map(({ data }) => String(data["node"])));
      assert.equal(names.size, NODES);
      for (const name of names) assert.match(name, /^[0-9a-z]{1,40}$/);
    },

    "a user on every gateway is one user, told with the connections on all": told(
      async (gateway, receiver) => {
        const cameMs = Date.now();
        const peers = await Promise.all(Array.from({ length: 3 }, () => gateway.peer("alice")));
        await receiver.believes("alice", "online");
        await pause(2000);
        for (const peer of peers) peer[Symbol.dispose]();
        await receiver.believes("alice", "offline");
        await pause(2000);
        assert.deepEqual(receiver.changesOf("alice"), ["user.online", "user.offline"]);
        const [online] = receiver.events;
        const offline = receiver.events.at(-1);
        assert.deepEqual([online?.data["connections"], offline?.data["connections"]], [3, 0]);
        const since = [online, offline].map((event) => Number(event?.data["since"]));
        assert.ok(since.every((ms) => ms >= cameMs - 1000 && ms <= Date.now() + 1000));
        assert.equal(online?.timestamp, new Date(since[0] ?? 0).toISOString());
      },
    ),

    "a user who is back at once causes no webhook, on any gateway": told(
      async (gateway, receiver) => {
        let peer = await gateway.peer("bob");
        await receiver.believes("bob", "online");
        for (let turn = 0; turn < 4; turn++) {
          peer[Symbol.dispose]();
          peer = await gateway.peer("bob");
          await pause(1500);
        }
        peer[Symbol.dispose]();
        await receiver.believes("bob", "offline");
        assert.deepEqual(receiver.changesOf("bob"), ["user.online", "user.offline"]);
      },
    ),
  },
});

suite("webhooks to a receiver in trouble", {
  settings: { ...receiver?.settings, GATEWAY_WEBHOOK_DEBOUNCE_MS: "200" },
  checks: {
    "every state arrives at a receiver that fails in every way": told(
      async (gateway, receiver) => {
        const watcher = await gateway.peer("watcher");
        const trouble = ["slow", "failing", "hanging", "half", "down"] as const;
        for (const each of trouble) {
          if (each === "down") await receiver.down();
          else receiver.behaviour = each;
          const users = Array.from({ length: 20 }, (_, index) => `${each}-${index}`);
          const peers = await Promise.all(users.map((user) => gateway.peer(user)));
          await pause(500);
          for (const peer of peers.slice(10)) peer[Symbol.dispose]();
          await pause(500);
          // Clients notice nothing of it.
          await gateway.backend.publish({ user: "watcher", author: "app", content: each });
          assert.equal((await watcher.nextMessage())["content"], each);
          if (each === "down") await receiver.up();
          receiver.behaviour = "well";
          for (const user of users.slice(0, 10)) await receiver.believes(user, "online");
          for (const user of users.slice(10)) await receiver.doesNotBelieve(user, "online");
          for (const peer of peers) peer[Symbol.dispose]();
        }
        watcher[Symbol.dispose]();
      },
    ),
  },
});

processTest("a receiver that is away is in the log, without the secrets of its URL", async () => {
  await using receiver = await WebhookReceiver.start();
  await receiver.down();
  await using gateway = await GatewayProcess.start({ settings: receiver.settings });
  await gateway.logLine("a webhook was not taken; retrying");
  await receiver.up();
  await gateway.logLine("webhooks are taken again");
  assert.doesNotMatch(gateway.log.join("\n"), /hush|whsec|\/hooks/);
});

processTest("after a crash and a restart the backend learns who is gone by asking", async () => {
  await using receiver = await WebhookReceiver.start();
  const dataDir = await Deno.makeTempDir();
  const settings = receiver.settings;
  {
    await using gateway = await GatewayProcess.start({ settings, dataDir });
    await gateway.peer("alice");
    await receiver.believes("alice", "online");
    await gateway.end("SIGKILL");
  }
  await using gateway = await GatewayProcess.start({ settings, dataDir });
  await eventually("the second start", () => {
    const starts = receiver.events.filter(({ type }) => type === "gateway.started");
    return Promise.resolve(starts.length === 2 ? starts : undefined);
  });
  assert.equal(receiver.belief.get("alice"), "online");
  const { body } = await gateway.backend.request("GET", "/users/alice");
  assert.deepEqual(body, { user: "alice", connections: 0, channels: [], sessions: [] });
  await Deno.remove(dataDir, { recursive: true });
});

processTest("a drain tells who is gone before the process ends", async () => {
  await using receiver = await WebhookReceiver.start();
  const settings = { ...receiver.settings, GATEWAY_DRAIN_MS: "3000" };
  await using gateway = await GatewayProcess.start({ settings });
  await gateway.peer("alice");
  await receiver.believes("alice", "online");
  await gateway.end("SIGTERM");
  assert.equal(receiver.belief.get("alice"), "offline");
});
