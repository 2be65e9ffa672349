/**
 * Runs in each runtime, test runner and environment: takes the client on virtual time through a message, a silent
 * drop, a heartbeat timeout, the renewal of a token, a second connection, and a mistake. `measure(name, part)` runs
 * each part. Under fake timers the client has no clock of the gateway's: `advance()` moves both.
 */

const assert = require("node:assert/strict");

/** The interval of the gateway's heartbeats, in milliseconds. */
const HEARTBEAT_MS = 45_000;

module.exports = async function scenario(options) {
  const { createMockGateway, GatewayClient, measure, fakeTimers } = options;
  const gateway = await createMockGateway();
  const asked = [];
  const client = new GatewayClient({
    url: gateway.wsUrl,
    WebSocket: gateway.WebSocket,
    clock: fakeTimers ? undefined : gateway.clock,
    getToken: async ({ reason, signal }) => {
      asked.push(reason);
      const response = await gateway.fetch("/login", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ user: "alice", password: "any", expires_in: 300 }),
        signal,
      });
      return (await response.json()).token;
    },
  });
  const seen = [];
  client.on("message", ({ content }) => seen.push(content));
  client.on("disconnect", ({ code, reason }) => seen.push(`${code} ${reason}`));
  client.on("ready", ({ resumed }) => seen.push(`ready, resumed: ${resumed}`));
  const expect = (...expected) => assert.equal(seen.splice(0).join("; "), expected.join("; "));
  const publish = (content) => gateway.publish({ channel: "general", author: "bob", content });

  await gateway.settled();
  await publish("one");
  expect("ready, resumed: undefined", "one");

  await measure("a silent drop", async () => {
    await gateway.drop();
    await publish("two");
    await gateway.advance(500);
    expect("1006 ", "ready, resumed: true", "two");
  });

  await measure("a heartbeat timeout", async () => {
    await gateway.freeze();
    await gateway.advance(2 * HEARTBEAT_MS + 500);
    expect(`1006 no answer to a heartbeat within ${HEARTBEAT_MS} ms`, "ready, resumed: true");
  });

  await measure("a token's expiry", async () => {
    asked.length = 0;
    await gateway.advance(300_000);
    assert.equal(asked.join(), "expiring");
    assert.equal(gateway.connections.map(({ id, user }) => `${id} ${user}`).join(), "c3 alice");
  });

  await measure("a second connection, and what the backend sees of both", async () => {
    const token = await gateway.token({ user: "alice", channels: ["general", "random"] });
    const socket = new gateway.WebSocket(gateway.wsUrl);
    socket.onopen = () => socket.send(JSON.stringify({ op: 1, token }));
    await gateway.settled();
    const response = await gateway.fetch("/users/alice", { headers: { authorization: "Bearer dev" } });
    const { connections, channels } = await response.json();
    assert.equal(`${connections}: ${channels}`, "2: general,random");
    socket.close();
  });

  await assert.rejects(
    gateway.publish({ chanel: "general", author: "bob", content: 1 }),
    /^TypeError: publish\(\): chanel: Unrecognized key: "chanel", expected channel, user, author, content$/,
  );

  if (fakeTimers) assert.equal(Date.now(), gateway.clock.now());
  const [first] = gateway.transcript;
  assert.equal(first.event, "opened");
  await client.close();
  await gateway[Symbol.asyncDispose]();
};
