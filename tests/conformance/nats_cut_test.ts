/**
 * Nodes that are cut off from NATS for ten seconds while another node works: nothing is closed, nothing arrives,
 * and clients that connect wait.
 *
 * There are two, because the NATS client may or may not give up its connection meanwhile. One resumes its old
 * connection with all data in flight; the other loses both during the cut, and reconnects.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Relay } from "../nats/support/relay.ts";
import { NatsServer, NO_NATS } from "../nats/support/server.ts";
import type { Accepted, RequestOptions } from "./support/backend.ts";
import type { Member } from "./support/member.ts";
import { GatewayProcess } from "./support/process.ts";
import { someone } from "./support/target.ts";
import { eventually, pause, within } from "./support/wait.ts";

const CUT_MS = 10_000;
/** A missed heartbeat would close a client, and twenty are due during the cut. */
const HEARTBEAT_INTERVAL_MS = 500;
const CHANNEL = "cut";
const LAST = "the-last-message";

async function start(natsUrl: string): Promise<GatewayProcess> {
  return await GatewayProcess.start({
    settings: {
      GATEWAY_NATS_URL: natsUrl,
      GATEWAY_HEARTBEAT_INTERVAL_MS: String(HEARTBEAT_INTERVAL_MS),
      GATEWAY_LOG_LEVEL: "info",
    },
  });
}

/** A publish with its own key, to the channel and to everyone in turn. */
function publishOf(content: string, toChannel = true): RequestOptions {
  return {
    body: { ...toChannel ? { channel: CHANNEL } : {}, author: "1", content },
    headers: { "Idempotency-Key": content },
  };
}

/** Publishes until `over`, and returns what was answered with 201, in order. */
async function publishUntil(over: Promise<void>, node: GatewayProcess): Promise<string[]> {
  let going = true;
  void over.then(() => going = false);
  const accepted: string[] = [];
  while (going) {
    const content = `meanwhile-${accepted.length}`;
    const request = publishOf(content, accepted.length % 2 === 0);
    const { status, body } = await node.backend.request("POST", "/messages", request);
    assert.equal(status, 201, JSON.stringify(body));
    accepted.push(`${(body as Accepted).id} ${content}`);
    await pause(20);
  }
  return accepted;
}

/** Repeats a publish with the same key until it is answered with 201. */
async function publishAgain(node: GatewayProcess, content: string): Promise<string> {
  return await eventually(`"${content}" to be accepted`, async () => {
    const { status, body } = await node.backend.request("POST", "/messages", publishOf(content));
    if (status === 503) return undefined;
    assert.equal(status, 201, JSON.stringify(body));
    return `${(body as Accepted).id} ${content}`;
  });
}

/** Asserts that a node that is cut off refuses publishes and still sends heartbeats. */
async function behavesCutOff(node: GatewayProcess, content: string): Promise<void> {
  const refused = await node.backend.request("POST", "/messages", publishOf(content));
  assert.equal(refused.status, 503, JSON.stringify(refused.body));
  assert.equal((refused.body as { readonly code: unknown }).code, "log_unavailable");
  const health = await node.backend.request("GET", "/health");
  assert.equal(health.status, 503, JSON.stringify(health.body));
  using client = await node.connect();
  assert.equal((await client.nextJson("Hello"))["op"], 0);
  for (let count = 0; count < 3; count++) {
    const { op, time } = await client.nextJson("a beat");
    assert.equal(op, 10);
    await client.json({ op: 11, time });
  }
}

/** Asserts that the client's connection answers, and brings nothing else. */
async function answers(member: Member): Promise<void> {
  await member.roundTrip();
  assert.equal(member.unread, 0);
}

/** All messages of `member` up to the last one. */
async function received(member: Member): Promise<readonly string[]> {
  const all: string[] = [];
  for (;;) {
    const { id, content } = await member.nextMessage();
    all.push(`${id} ${content}`);
    if (content === LAST) return all;
  }
}

/** Connects members of the channel to `node`. */
async function members(node: GatewayProcess, count: number): Promise<readonly Member[]> {
  return await Promise.all(
    Array.from({ length: count }, () => node.member(someone(), { channels: [CHANNEL] })),
  );
}

Deno.test({
  name:
    "gateways on NATS: nodes that are cut off for ten seconds keep their clients, and these miss " +
    `and repeat nothing${NO_NATS === undefined ? "" : ` (skipped: ${NO_NATS})`}`,
  ignore: NO_NATS !== undefined,
  sanitizeOps: false,
  sanitizeResources: false,
  fn: async () => {
    await using nats = await NatsServer.start();
    using toHeld = new Relay(nats.url);
    using toLost = new Relay(nats.url);
    await using held = await start(toHeld.url);
    await using lost = await start(toLost.url);
    await using whole = await start(nats.url);
    const all = (await Promise.all([held, lost, whole].map((node) => members(node, 3)))).flat();
    try {
      const before = await Promise.all(
        [held, lost, whole].map((node, index) => publishAgain(node, `before-${index}`)),
      );
      const first = await Promise.all(all.map((each) => each.nextContents(before.length)));
      for (const each of first) assert.deepEqual(each, first[0]);

      toHeld.cut();
      toLost.cut();
      const over = pause(CUT_MS);
      const publishing = publishUntil(over, whole);
      const refused = ["refused-by-one", "refused-by-the-other"] as const;
      await Promise.all([behavesCutOff(held, refused[0]), behavesCutOff(lost, refused[1])]);
      toLost.drop();
      await within("the node to connect through the cut", toLost.connecting());
      const late = (await Promise.all([held, lost].map((node) => members(node, 1)))).flat();
      await over;
      await Promise.all([...all.slice(0, 6), ...late].map(answers));
      toHeld.heal();
      toLost.heal();

      const accepted = await publishing;
      assert.ok(accepted.length > 0, "the other node has published");
      const again = await Promise.all([
        publishAgain(held, refused[0]),
        publishAgain(lost, refused[1]),
      ]);
      for (const node of [held, lost]) {
        await eventually("the node to be well", async () => {
          const { status } = await node.backend.request("GET", "/health");
          return status === 200 ? true : undefined;
        });
      }
      const last = await publishAgain(held, LAST);
      const [known, ...others] = await Promise.all(
        [...all.slice(6), ...all.slice(0, 6), ...late].map(received),
      );
      assert.ok(known !== undefined);
      // The node that was not cut off has each message once, in the order of publishing.
      assert.deepEqual(known.filter((each) => each.includes("meanwhile")), accepted);
      assert.deepEqual(known.toSorted(), [...accepted, ...again, last].toSorted());
      for (const each of others) assert.deepEqual(each, known);
      for (const each of late) await each[Symbol.asyncDispose]();
    } finally {
      for (const each of all) await each[Symbol.asyncDispose]();
    }
  },
});
