/**
 * The mock gateway: time that waits for everything, a network with faults, and reset.
 *
 * @module
 */

import assert from "node:assert/strict";
import { createMockGateway, TOKEN_FAULTS, type TokenFault } from "../../mock/mod.ts";
import { Player, saying } from "./support/player.ts";

const INTERVAL_MS = 45_000;

Deno.test("advance() sends every beat on the way, and who answers stays for a virtual day", async () => {
  await using gateway = await createMockGateway();
  const player = await Player.connect(gateway);
  await player.identify(await gateway.token({ expiresInS: 1e6 }));
  await gateway.advance(24 * 3_600_000);
  assert.deepEqual(
    player.of(10).map(({ atMs }) => atMs),
    Array.from({ length: 1920 }, (_, index) => (index + 1) * INTERVAL_MS),
  );
  assert.equal(player.ending(), undefined);
});

Deno.test("advance() waits until a token is verified, and no time passes for it", async () => {
  await using gateway = await createMockGateway({ connection: { verifyTimeoutMs: 1 } });
  const player = await Player.connect(gateway);
  player.send({ op: 1, token: await gateway.token() });
  await gateway.advance(1000);
  assert.equal(player.of(2)[0]?.atMs, 0);
});

Deno.test("advance() calls take turns", async () => {
  await using gateway = await createMockGateway();
  const { clock } = gateway;
  const seen: number[] = [];
  const noted = (): void => void seen.push(clock.elapsedMs);
  clock.setTimer(5, () => void gateway.advance(10).then(noted));
  await Promise.all([gateway.advance(10).then(noted), gateway.advance(10).then(noted)]);
  await gateway.settled();
  assert.deepEqual(seen, [10, 20, 30]);
});

Deno.test("advance() fails with what a timer throws, and time can go on", async () => {
  await using gateway = await createMockGateway();
  gateway.clock.setTimer(5, () => {
    throw new Error("of the client under test");
  });
  await assert.rejects(gateway.advance(10), /of the client under test/);
  assert.equal(gateway.clock.elapsedMs, 5);
  await gateway.advance(10);
  assert.equal(gateway.clock.elapsedMs, 15);
  await assert.rejects(gateway.advance(-1), RangeError);
  await assert.rejects(gateway.advance(Infinity), RangeError);
});

for (const fault of Object.keys(TOKEN_FAULTS) as TokenFault[]) {
  Deno.test(`a token with the fault ${fault} is answered with 4003`, async () => {
    await using gateway = await createMockGateway();
    const player = await Player.connect(gateway);
    await player.identify(await gateway.token({ fault }));
    assert.equal(player.ending()?.code, 4003);
  });
}

Deno.test("publish() and fetch() reach every client, however many messages there are", async () => {
  await using gateway = await createMockGateway();
  const player = await Player.ready(gateway);
  const many = Array.from({ length: 3000 }, (_, index) => saying(index));
  await gateway.publish(...many);
  assert.deepEqual(player.messages, many.map(({ content }) => content));
  const headers = { authorization: "Bearer dev", "content-type": "application/json" };
  const body = JSON.stringify(many.slice(0, 1000));
  const post = () => gateway.fetch("/messages", { method: "POST", headers, body });
  const responses = await Promise.all([post(), post(), post(), gateway.settled()]);
  assert.deepEqual(responses.slice(0, 3).map((response) => response?.status), [201, 201, 201]);
  await gateway.settled();
  assert.equal(player.messages.length, 6000);
});

Deno.test("fetch() obeys its signal", async () => {
  await using gateway = await createMockGateway();
  const abort = new AbortController();
  const { signal } = abort;
  assert.equal((await gateway.fetch("/health", { signal })).status, 200);
  const pending = gateway.fetch("/health", { signal });
  abort.abort("enough");
  for (const answer of [pending, gateway.fetch("/health", { signal })]) {
    await assert.rejects(answer, (reason) => reason === "enough");
  }
});

Deno.test("fetch() logs in, and knows no routes that steer the gateway", async () => {
  await using gateway = await createMockGateway();
  const headers = { "content-type": "application/json" };
  const body = JSON.stringify({ user: "bob", password: "any" });
  const login = await gateway.fetch(`${gateway.url}/login`, { method: "POST", headers, body });
  const player = await Player.connect(gateway);
  await player.identify((await login.json()).token);
  assert.equal(player.of(2)[0]?.["user"], "bob");
  for (const path of ["/mock/clock", "/mock/connections", "/mock/reset"]) {
    assert.equal((await gateway.fetch(path)).status, 404);
    assert.equal((await gateway.fetch(path, { method: "POST" })).status, 404);
  }
  assert.equal((await gateway.fetch("/gateway")).status, 426);
});

Deno.test("stopHeartbeats keeps beats from the client, and the connection stays", async () => {
  await using gateway = await createMockGateway();
  const player = await Player.ready(gateway);
  await gateway.setFaults("all", { stopHeartbeats: true });
  await gateway.advance(10 * INTERVAL_MS);
  assert.deepEqual(player.of(10), []);
  assert.equal(player.ending(), undefined);
  await gateway.setFaults("c1", { stopHeartbeats: false });
  await gateway.advance(INTERVAL_MS);
  assert.equal(player.of(10).length, 1);
});

Deno.test("withholdAcks keeps the answers to the client's own beats", async () => {
  await using gateway = await createMockGateway();
  const player = await Player.ready(gateway);
  await gateway.setFaults("c1", { withholdAcks: true });
  player.send({ op: 10, time: 1 });
  await gateway.setFaults("c1", { withholdAcks: false });
  player.send({ op: 10, time: 2 });
  await gateway.settled();
  assert.deepEqual(player.of(11).map((frame) => frame["time"]), [2]);
});

Deno.test("loseClientAcks closes a client that answers with 4002", async () => {
  await using gateway = await createMockGateway();
  await gateway.setFaults("all", { loseClientAcks: true });
  const player = await Player.ready(gateway);
  await gateway.advance(2 * INTERVAL_MS);
  assert.equal(player.ending()?.code, 4002);
  const lost = gateway.transcript.filter(({ event }) => event === "not_received");
  assert.equal(lost.length, 1);
});

Deno.test("delayMs holds each way, and nothing overtakes when it gets less", async () => {
  await using gateway = await createMockGateway();
  const player = await Player.ready(gateway);
  await gateway.setFaults("all", { delayMs: 100 });
  player.send({ op: 10, time: 1 });
  await gateway.advance(199);
  assert.deepEqual(player.of(11), []);
  await gateway.advance(1);
  assert.equal(player.of(11)[0]?.atMs, 200);
  await gateway.publish(saying("one"));
  await gateway.setFaults("all", { delayMs: 0 });
  await gateway.publish(saying("two"));
  assert.deepEqual(player.messages, []);
  await gateway.advance(100);
  assert.deepEqual(player.messages, ["one", "two"]);
});

Deno.test("drop() ends a connection without a close frame, for the gateway at once", async () => {
  await using gateway = await createMockGateway();
  const [first, second] = [await Player.ready(gateway), await Player.ready(gateway)];
  assert.deepEqual(await gateway.drop("c1"), ["c1"]);
  assert.equal(first.ending()?.code, 1006);
  assert.equal(first.ending()?.wasClean, false);
  assert.equal(second.ending(), undefined);
  assert.deepEqual(gateway.connections.map(({ id }) => id), ["c2"]);
  assert.equal(await gateway.drop("c1"), "unknown");
  assert.equal(await gateway.drop("c3"), "unknown");
});

Deno.test("freeze() lets nothing pass, and the gateway finds out in its time", async () => {
  await using gateway = await createMockGateway();
  const player = await Player.ready(gateway);
  await gateway.freeze();
  await gateway.freeze();
  assert.equal(gateway.transcript.filter(({ event }) => event === "frozen").length, 1);
  await gateway.publish(saying("lost"));
  player.send({ op: 10, time: 1 });
  await gateway.advance(2 * INTERVAL_MS);
  assert.equal(player.ending(), undefined);
  assert.deepEqual(player.frames.map((frame) => frame["op"]), [0, 2]);
  assert.deepEqual(gateway.connections.map(({ phase }) => phase), ["closing"]);
  await gateway.advance(1000);
  assert.equal(gateway.connections.length, 0);
});

Deno.test("close() closes with the code that is asked for", async () => {
  await using gateway = await createMockGateway();
  const player = await Player.ready(gateway);
  assert.deepEqual(await gateway.close("all", { code: 1012, reason: "later" }), ["c1"]);
  assert.deepEqual(player.ending(), { code: 1012, reason: "later", wasClean: true, atMs: 0 });
  assert.equal(gateway.connections.length, 0);
});

Deno.test("send() sends any text, and the session goes on", async () => {
  await using gateway = await createMockGateway();
  const player = await Player.ready(gateway);
  await gateway.send("c1", { text: "not JSON" });
  await gateway.send("all", { json: { op: 99 } });
  assert.deepEqual(player.texts.slice(-2), ["not JSON", '{"op":99}']);
  assert.equal(await gateway.send("c9", { text: "" }), "unknown");
  await gateway.publish(saying("after"));
  assert.deepEqual(player.messages, ["after"]);
});

Deno.test("transcript says what went over each connection, and when", async () => {
  await using gateway = await createMockGateway();
  const player = await Player.connect(gateway);
  await gateway.advance(INTERVAL_MS / 9);
  player.send({ op: 99 });
  await gateway.settled();
  const at = (ms: number) => ({ at: gateway.clock.startMs + ms, connection: "c1" });
  assert.deepEqual(gateway.transcript.slice(0, 2), [
    { ...at(0), event: "opened", address: "192.0.2.1" },
    { ...at(0), event: "sent", frame: { op: 0, heartbeat_interval: INTERVAL_MS } },
  ]);
  assert.deepEqual(gateway.transcript.slice(2).map(({ event }) => event), [
    "received",
    "close_sent",
    "gone",
  ]);
  assert.deepEqual(gateway.transcript[2], {
    ...at(INTERVAL_MS / 9),
    event: "received",
    frame: { op: 99 },
  });
});

Deno.test("a client that reconnects without a delay is an error, not a test that hangs", async () => {
  await using gateway = await createMockGateway({ limits: { maxConnections: 0 } });
  let isOver = false;
  const connect = (): void => {
    if (!isOver) new gateway.WebSocket(gateway.wsUrl).onclose = connect;
  };
  connect();
  await assert.rejects(gateway.advance(1000), /cannot move on from 1700000000000: events lead to/);
  isOver = true;
});

Deno.test("reset() goes back to the beginning, and ids from before are no good any more", async () => {
  await using gateway = await createMockGateway();
  const player = await Player.ready(gateway);
  const token = await gateway.token();
  const [message] = await gateway.publish(saying("before"));
  await gateway.setFaults("all", { stopHeartbeats: true });
  await gateway.advance(5000);
  await gateway.reset();
  assert.equal(player.ending()?.code, 1006);
  assert.equal(gateway.connections.length, 0);
  assert.deepEqual(gateway.transcript, []);
  assert.equal(gateway.clock.elapsedMs, 0);
  assert.equal(gateway.clock.nextDue, undefined);
  const next = await Player.connect(gateway);
  await next.identify(token, message?.id);
  assert.equal(next.of(2)[0]?.["resumed"], false);
  assert.deepEqual(gateway.connections.map(({ id, faults }) => [id, faults.stopHeartbeats]), [
    ["c1", false],
  ]);
  await gateway.reset({ startMs: 5 });
  assert.equal(gateway.clock.now(), 5);
});
