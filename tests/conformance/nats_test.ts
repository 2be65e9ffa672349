/**
 * Several gateways on one NATS, from outside: presence, and gateways whose NATS is away.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { NatsServer } from "../nats/support/server.ts";
import { natsTest } from "../nats/support/suite.ts";
import { needs } from "../permissions.ts";
import { OtlpReceiver } from "./support/otlp_receiver.ts";
import { GatewayProcess, IS_OTHER, ROOT, runToEnd, type Settings } from "./support/process.ts";
import { skip } from "./support/suite.ts";
import { someone } from "./support/target.ts";
import { eventually } from "./support/wait.ts";

function test(name: string, body: (nats: NatsServer) => Promise<void>, config = ""): void {
  natsTest(`gateways on NATS: ${name}`, body, { config, sanitize: false });
}

async function start(nats: NatsServer): Promise<GatewayProcess> {
  return await GatewayProcess.start({
    settings: { GATEWAY_NATS_URL: nats.url, GATEWAY_HEARTBEAT_INTERVAL_MS: "200" },
  });
}

test("a user's connections are one, on whatever gateway they are", async (nats) => {
  await using a = await start(nats);
  await using b = await start(nats);
  const user = someone();
  await using onA = await a.member(user, { channels: ["one"] });
  await using onB = await b.member(user, { channels: ["two"] });
  for (const { backend } of [a, b]) {
    assert.deepEqual(await backend.presence(user), {
      user,
      connections: 2,
      channels: ["one", "two"],
    });
  }
  await a.backend.join(user, "room");
  const { id } = await b.backend.publish({ channel: "room", author: "1", content: "hello" });
  for (const member of [onA, onB]) assert.equal((await member.nextMessage()).id, id);
  await b.backend.leave(user, "room");
  await a.backend.publish({ channel: "room", author: "1", content: "unheard" });
  const last = await a.backend.publish({ user, author: "1", content: "heard" });
  for (const member of [onA, onB]) assert.equal((await member.nextMessage()).id, last.id);
  await a.backend.disconnect(user);
  await a.presence(user, 0);
});

test("a join on one gateway applies at once to a client of another and a publish on a third", async (nats) => {
  await using a = await start(nats);
  await using b = await start(nats);
  await using c = await start(nats);
  const user = someone();
  await using member = await c.member(user);
  for (let round = 0; round < 20; round++) {
    const channel = `room ${round}`;
    await a.backend.join(user, channel);
    const heard = await b.backend.publish({ channel, author: "1", content: "joined" });
    await b.backend.leave(user, channel);
    await a.backend.publish({ channel, author: "1", content: "left" });
    assert.equal((await member.nextMessage()).id, heard.id);
  }
  const last = await a.backend.publish({ user, author: "1", content: "last" });
  assert.equal((await member.nextMessage()).id, last.id);
});

// A binary that was compiled without `OTEL_DENO` exports nothing.
const tracedTest = IS_OTHER ? (name: string) => skip(name, "needs OTEL_DENO") : test;

tracedTest("a publish is traced on the node that took it", async (nats) => {
  await using receiver = new OtlpReceiver();
  const settings = { GATEWAY_NATS_URL: nats.url, ...receiver.settings };
  await using a = await GatewayProcess.start({ settings });
  await using b = await GatewayProcess.start({ settings });
  const user = someone();
  await using onA = await a.member(user);
  await using onB = await b.member(user);
  const { id } = await a.backend.publish({ user, author: "1", content: "hello" });
  for (const member of [onA, onB]) assert.equal((await member.nextMessage()).id, id);
  const [publish] = await receiver.named("publish", 1);
  assert.ok(publish);
  const [store, fanOut, ...more] = receiver.partsOf(publish);
  assert.deepEqual([store?.name, fanOut?.name, more], ["store", "fan-out", []]);
  assert.ok(store && fanOut && publish.start <= store.start && store.end <= fanOut.start);
  assert.ok(fanOut.end <= publish.end);
  assert.equal(receiver.spans.length, 3);
});

test("messages missed on one are resumed on another", async (nats) => {
  await using a = await start(nats);
  await using b = await start(nats);
  const user = someone();
  await using first = await a.member(user, { cuttable: true });
  first.cut();
  const missed = await b.backend.publishAll([1, 2, 3].map((content) => {
    return { user, author: "1", content };
  }));
  await using again = await b.member(user, { lastId: first.ready.lastId });
  assert.equal(again.ready.resumed, true);
  for (const { id } of missed) assert.equal((await again.nextMessage()).id, id);
});

for (const away of ["frozen", "killed"] as const) {
  test(`clients stay and hearts beat while NATS is ${away}`, async (nats) => {
    await using gateway = await start(nats);
    const user = someone();
    await using member = await gateway.member(user);
    if (away === "frozen") await nats.freeze();
    else await nats.stop("SIGKILL");
    const key = { headers: { "Idempotency-Key": "k" } };
    const body = { user, author: "1", content: "while it is away" };
    const order: string[] = [];
    const refused = async (method: string, path: string, options = {}): Promise<void> => {
      const { status } = await gateway.backend.request(method, path, options);
      assert.equal(status, 503);
      order.push(path);
    };
    await Promise.all([
      refused("POST", "/messages", { body, ...key }),
      refused("GET", "/health"),
    ]);
    // A load balancer does not wait as long as a publisher.
    if (away === "frozen") assert.deepEqual(order, ["/health", "/messages"]);
    // Heartbeats come every 200 ms, and a missed one would have closed the client.
    await using other = await gateway.member(someone());
    if (away === "frozen") nats.signal("SIGCONT");
    else await nats.start();
    const { id } = await eventually("the publish to be accepted", async () => {
      const answer = await gateway.backend.request("POST", "/messages", { body, ...key });
      return answer.status === 201 ? answer.body as { readonly id: string } : undefined;
    });
    assert.equal((await member.nextMessage()).id, id);
    await eventually("the gateway to be well", async () => {
      const { status } = await gateway.backend.request("GET", "/health");
      return status === 200 ? true : undefined;
    });
    const last = await gateway.backend.publish({ author: "1", content: "to everyone" });
    for (const each of [member, other]) assert.equal((await each.nextMessage()).id, last.id);
    assert.deepEqual(gateway.log.filter((line) => line.includes("unhandled error")), []);
  });
}

const REFUSED: readonly {
  readonly what: string;
  readonly config: string;
  readonly settings: Settings;
  readonly names: string;
}[] = [
  {
    what: "a wrong token",
    config: 'authorization { token: "a-secret" }',
    settings: { GATEWAY_NATS_TOKEN: "swordfish" },
    names: "GATEWAY_NATS_TOKEN",
  },
  {
    what: "a wrong password",
    config: 'authorization { user: "gateway", password: "a-secret" }',
    settings: { GATEWAY_NATS_USER: "gateway", GATEWAY_NATS_PASSWORD: "swordfish" },
    names: "GATEWAY_NATS_PASSWORD",
  },
];

for (const { what, config, settings, names } of REFUSED) {
  test(`${what} stops the start with one line that names it`, async (nats) => {
    const { code, stdout, stderr } = await runToEnd({
      GATEWAY_PORT: "0",
      GATEWAY_NATS_URL: nats.url,
      ...settings,
    });
    const lines = (stdout + stderr).trim().split("\n");
    assert.equal(code, 1, lines.join("\n"));
    assert.equal(lines.length, 1, lines.join("\n"));
    assert.ok(lines[0]?.includes(names), lines[0]);
    assert.ok(!lines[0]?.includes("swordfish"));
  }, config);
}

const EXAMPLE = needs("read") === undefined
  ? Deno.readTextFileSync(`${ROOT}/examples/many-nodes/nats-server.conf`)
  : "";
/** The user of the example, without its storage and listeners. */
const AUTHORIZATION = EXAMPLE.slice(EXAMPLE.indexOf("authorization {"));

test(
  "the user in examples/many-nodes may do what gateways have to",
  async (nats) => {
    const settings = {
      GATEWAY_NATS_URL: nats.url,
      GATEWAY_NATS_USER: "gateway",
      GATEWAY_NATS_PASSWORD: /password: "([^"]+)"/.exec(AUTHORIZATION)?.[1] ?? "",
    };
    await using a = await GatewayProcess.start({ settings });
    await using b = await GatewayProcess.start({ settings });
    const user = someone();
    await using member = await a.member(user);
    await a.presence(user, 1);
    await b.backend.join(user, "room");
    const body = { channel: "room", author: "1", content: "hello" };
    const request = { body, headers: { "Idempotency-Key": "once" } };
    const [once, again] = [
      await b.backend.request("POST", "/messages", request),
      await b.backend.request("POST", "/messages", request),
    ];
    assert.equal(once.status, 201);
    assert.deepEqual(again.body, once.body);
    assert.equal((await member.nextMessage()).content, "hello");
    await b.backend.disconnect(user);
    await a.presence(user, 0);
  },
  AUTHORIZATION,
);
