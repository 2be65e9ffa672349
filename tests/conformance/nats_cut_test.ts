/**
 * A gateway that is cut off from NATS for ten seconds, as by a pulled cable, while another one goes on.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Relay } from "../nats/support/relay.ts";
import { NatsServer, NO_NATS } from "../nats/support/server.ts";
import { GatewayProcess } from "./support/process.ts";
import { processTest, skip } from "./support/suite.ts";
import { someone } from "./support/target.ts";
import { eventually, pause } from "./support/wait.ts";

const NAME = "a gateway that is cut off from NATS for ten seconds";
const CUT_MS = 10_000;
/** Far less than the cut, so that a client whose heartbeats stopped would be closed during it. */
const HEARTBEAT_INTERVAL_MS = 500;
/** How often something is published meanwhile. */
const PUBLISH_EVERY_MS = 100;
const KEY = { "Idempotency-Key": "during-the-cut" };

async function start(url: string): Promise<GatewayProcess> {
  const settings = {
    GATEWAY_NATS_URL: url,
    GATEWAY_HEARTBEAT_INTERVAL_MS: String(HEARTBEAT_INTERVAL_MS),
  };
  return await GatewayProcess.start({ settings });
}

async function status(
  { backend }: GatewayProcess,
  ...request: Parameters<GatewayProcess["backend"]["request"]>
): Promise<number> {
  return (await backend.request(...request)).status;
}

async function expectStatus(
  gateway: GatewayProcess,
  expected: number,
  ...request: Parameters<GatewayProcess["backend"]["request"]>
): Promise<void> {
  const [method, path] = request;
  assert.equal(await status(gateway, ...request), expected, `${method} ${path}`);
}

/** Waits until `user` has so many connections; while a node is waited for, presence answers 503. */
async function counted(gateway: GatewayProcess, user: string, count: number): Promise<void> {
  await eventually(`${user} to have ${count} connections`, async () => {
    const { status, body } = await gateway.backend.request("GET", `/users/${user}`);
    if (status !== 200) return undefined;
    return (body as { readonly connections: number }).connections === count ? true : undefined;
  });
}

if (NO_NATS !== undefined) skip(NAME, NO_NATS);
else {
  processTest(NAME, async () => {
    await using nats = await NatsServer.start();
    using relay = new Relay(nats.url);
    await using near = await start(nats.url);
    await using far = await start(relay.url);
    const [there, left] = [someone("there"), someone("left")];
    const channel = "room";
    using onNear = await near.member(there, { channels: [channel] });
    using onFar = await far.member(there, { channels: [channel] });
    using leaving = await far.member(left, { channels: [channel] });

    relay.cut();
    const healed = pause(CUT_MS).then(() => relay.heal());
    const published: string[] = [];
    let over = false;
    const publishing = (async () => {
      while (!over) {
        const content = `${published.length}`;
        published.push((await near.backend.publish({ channel, author: "1", content })).id);
        await pause(PUBLISH_EVERY_MS);
      }
    })();
    // If something else fails first, that is what is reported.
    publishing.catch(() => {});

    const refused = { body: { channel, author: "1", content: "refused" }, headers: KEY };
    await Promise.all([
      expectStatus(far, 503, "POST", "/messages", refused),
      expectStatus(far, 503, "GET", "/health"),
      expectStatus(near, 200, "GET", "/health"),
      counted(near, there, 1),
      near.backend.leave(left, channel),
    ]);
    // Whom it does not need NATS for, it still lets in.
    const joined = await far.member(someone());
    joined[Symbol.dispose]();

    await healed;
    await eventually("the gateway to be well", async () => {
      return await status(far, "GET", "/health") === 200 ? true : undefined;
    });
    await counted(near, there, 2);
    const accepted = await far.backend.request("POST", "/messages", refused);
    assert.equal(accepted.status, 201);
    over = true;
    await publishing;
    const last = await far.backend.publish({ author: "1", content: "to everyone" });
    // What was refused may have been on its way, and then it has an earlier place than its repetition.
    const once = (accepted.body as { readonly id: string }).id;
    const all = [...published, once, last.id].sort((a, b) => sequence(a) - sequence(b));
    for (const peer of [onNear, onFar]) {
      for (const id of all) assert.equal((await peer.nextMessage())["id"], id);
    }
    const seen: unknown[] = [];
    while (seen.at(-1) !== last.id) seen.push((await leaving.nextMessage())["id"]);
    const before = all.slice(0, seen.length - 1);
    assert.deepEqual(seen, [...before, last.id], "everything until the leave, and nothing after");
    assert.ok(before.length < published.length);
  });
}

function sequence(id: string): number {
  return Number(id.slice(id.lastIndexOf("-") + 1));
}
