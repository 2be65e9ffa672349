/**
 * Webhooks against a real HTTP server, one that answers well and one that does not.
 *
 * @module
 */

import assert from "node:assert/strict";
import { GatewayProcess } from "./support/process.ts";
import { processTest } from "./support/suite.ts";
import { eventually, pause } from "./support/wait.ts";
import { type Behaviour, WebhookReceiver } from "./support/webhook_receiver.ts";

processTest("a backend is told of its start, and of users who come and go", async () => {
  await using receiver = await WebhookReceiver.start();
  await using gateway = await GatewayProcess.start({ settings: receiver.settings });
  const cameMs = Date.now();
  const phone = await gateway.peer("alice");
  const laptop = await gateway.peer("alice");
  await receiver.believes("alice", "online");
  phone[Symbol.dispose]();
  laptop[Symbol.dispose]();
  await receiver.believes("alice", "offline");
  const [started, online, offline, ...rest] = receiver.events;
  assert.equal(started?.type, "gateway.started");
  assert.match(String(started?.data["node"]), /^[0-9a-z]{1,40}$/);
  assert.deepEqual([online?.data["connections"], offline?.data["connections"]], [2, 0]);
  const since = [online, offline].map((event) => Number(event?.data["since"]));
  assert.ok(since.every((ms) => ms >= cameMs && ms <= Date.now()));
  assert.equal(online?.timestamp, new Date(since[0] ?? 0).toISOString());
  assert.deepEqual(rest, []);
  assert.deepEqual(receiver.forged, []);
});

processTest("a user who is back at once causes no webhook, one who stays away does", async () => {
  await using receiver = await WebhookReceiver.start();
  const settings = { ...receiver.settings, GATEWAY_WEBHOOK_DEBOUNCE_MS: "2000" };
  await using gateway = await GatewayProcess.start({ settings });
  const first = await gateway.peer("alice");
  await receiver.believes("alice", "online");
  first[Symbol.dispose]();
  const second = await gateway.peer("alice");
  await pause(2500);
  second[Symbol.dispose]();
  await receiver.believes("alice", "offline");
  assert.deepEqual(receiver.typesOf("alice"), ["user.online", "user.offline"]);
});

processTest("every state arrives at a receiver that fails in every way", async () => {
  await using receiver = await WebhookReceiver.start();
  await using gateway = await GatewayProcess.start({ settings: receiver.settings });
  const watcher = await gateway.peer("watcher");
  await receiver.believes("watcher", "online");
  const trouble: readonly (Behaviour | "down")[] = ["slow", "failing", "hanging", "half", "down"];
  for (const each of trouble) {
    if (each === "down") await receiver.down();
    else receiver.behaviour = each;
    const users = Array.from({ length: 20 }, (_, index) => `${each}-${index}`);
    const peers = await Promise.all(users.map((user) => gateway.peer(user)));
    await pause(1000);
    for (const peer of peers.slice(10)) peer[Symbol.dispose]();
    await pause(1000);
    // Clients notice nothing of it.
    await gateway.backend.publish({ user: "watcher", author: "app", content: each });
    assert.equal((await watcher.nextMessage())["content"], each);
    if (each === "down") await receiver.up();
    receiver.behaviour = "well";
    for (const user of users.slice(0, 10)) await receiver.believes(user, "online");
    for (const user of users.slice(10)) {
      // One that is gone before it was told of may cause no webhook at all.
      await eventually(`${user} to be offline`, () => {
        return Promise.resolve(receiver.belief.get(user) === "online" ? undefined : true);
      }, { limitMs: 60_000 });
    }
    for (const peer of peers) peer[Symbol.dispose]();
  }
  assert.deepEqual(receiver.forged, []);
  const log = gateway.log.join("\n");
  assert.match(log, /a webhook was not taken; retrying/);
  assert.doesNotMatch(log, /hush|whsec|\/hooks/);
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
  assert.deepEqual(body, { user: "alice", connections: 0, channels: [] });
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
