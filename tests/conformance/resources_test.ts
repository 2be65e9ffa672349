/**
 * The cost of stopped peers: memory and descriptors of the gateway's process, as Linux counts them. A stopped
 * peer's TCP connection lives, but it reads and answers nothing.
 *
 * The gateway's V8 collects garbage early, so that the memory is used and not garbage.
 *
 * @module
 */

import assert from "node:assert/strict";
import { basename } from "node:path";
import { command, GatewayProcess } from "./support/process.ts";
import type { RawClient } from "./support/raw_client.ts";
import { descriptors, residentBytes } from "./support/resources.ts";
import { processTest, skip } from "./support/suite.ts";
import { someone, type Target } from "./support/target.ts";
import { eventually, within } from "./support/wait.ts";

const MB = 1e6;
const EARLY_GC = { DENO_V8_FLAGS: "--gc-global,--max-semi-space-size=1" };
/** Logged once if the runtime cannot terminate a connection. */
const CANNOT_CUT = "this runtime cannot terminate a connection";

const BATCHES = 128;
/** 0.4 MB each, 51 MB in total. Larger ones would leave more garbage than the limit of a peer. */
const BATCH = { messages: 8, bytes: 50_000 };
/** The number of batches between two readings of the memory. */
const STRIDE = 4;

const PEERS = 500;
const INTERVAL_MS = 2000;

const STEP = { sanitizeOps: false, sanitizeResources: false };

if (Deno.build.os !== "linux") {
  skip("resources", "needs Linux's /proc");
} else {
  processTest("50 MB to a peer that has stopped reading", fiftyMegabytes);
  processTest("500 peers that have stopped", async (context) => {
    const reason = await canCut()
      ? undefined
      : "the gateway's runtime cannot terminate a connection";
    const name = "are cut, and the process is back to where it was";
    await step(context, { name, reason, fn: fiveHundredPeers });
  });
}

async function fiftyMegabytes(context: Deno.TestContext): Promise<void> {
  await using gateway = await GatewayProcess.start({ settings: EARLY_GC });
  const [user, bystander, witness] = [someone(), someone(), someone()];
  const bytesBefore = await publishBatches(gateway, { user: bystander, batches: BATCHES / 2 });
  const openBefore = await descriptors(gateway.pid);
  using other = await gateway.peer(witness);
  using stopped = await ready(gateway, await gateway.backend.login(user));
  const bytes = await publishBatches(gateway, { user, batches: BATCHES });

  await step(context, {
    name: "cost the process less than 8 MB",
    reason: isDeno() ? undefined : "V8 in a compiled program cannot be told to collect early",
    fn: () => {
      const cost = (bytes - bytesBefore) / MB;
      assert.ok(cost < 8, `${cost.toFixed(1)} MB more than without the peer`);
      return Promise.resolve();
    },
  });
  await step(context, {
    name: "end in 4009, and nobody else notices",
    fn: async () => {
      assert.equal((await gateway.backend.presence(user)).connections, 0);
      assert.equal(await sessions(gateway, "ready"), 1, "ready: only the other one");
      // After the close frame, the session counts as closing for the grace.
      await eventually("the other session to be the only one", async () => {
        return await sessions(gateway) === 1 ? true : undefined;
      });
      await gateway.backend.publish({ user: witness, author: "1", content: "and you?" });
      assert.deepEqual(await other.nextContents(1), ["and you?"]);
      // Earlier frames are still there to read, and the close code after them.
      assert.equal((await stopped.closeFrame()).code, 4009);
    },
  });
  await step(context, {
    name: "leave no descriptor once its TCP connection has ended",
    fn: async () => {
      stopped[Symbol.dispose]();
      other[Symbol.dispose]();
      await eventually(`${openBefore} descriptors`, async () => {
        return await descriptors(gateway.pid) <= openBefore ? true : undefined;
      });
    },
  });
}

async function fiveHundredPeers(): Promise<void> {
  await using gateway = await GatewayProcess.start({
    settings: { ...EARLY_GC, GATEWAY_HEARTBEAT_INTERVAL_MS: String(INTERVAL_MS) },
  });
  const user = someone();
  const token = await gateway.backend.login(user);
  // The runtime reuses what it allocates for the first 500 connections: a bare Deno.serve does, too. The test
  // measures what stopped peers leave beyond that.
  for (const client of await stopMany(gateway, { token, count: PEERS })) client[Symbol.dispose]();
  await gateway.presence(user, 0);
  const openBefore = await descriptors(gateway.pid);
  const bytesBefore = await residentBytes(gateway.pid);

  const clients = await stopMany(gateway, { token, count: PEERS });
  const ackDeadline = performance.now() + 2 * INTERVAL_MS;
  try {
    await eventually(`${openBefore} descriptors`, async () => {
      return await descriptors(gateway.pid) <= openBefore ? true : undefined;
    });
    const lateMs = performance.now() - ackDeadline;
    assert.ok(lateMs <= 2000, `descriptors were back ${lateMs} ms after the ACK deadline`);
    assert.equal((await gateway.backend.presence(user)).connections, 0);
    assert.equal(await sessions(gateway), 0);
    const grown = (await residentBytes(gateway.pid) - bytesBefore) / MB;
    assert.ok(grown <= 10, `${grown.toFixed(1)} MB more than before`);
    for (const client of clients) assert.equal((await client.closeFrame()).code, 4002);
  } finally {
    for (const client of clients) client[Symbol.dispose]();
  }
}

interface Step {
  readonly name: string;
  /** The reason why it is skipped, if it is. */
  readonly reason?: string | undefined;
  readonly fn: () => Promise<void>;
}

async function step(context: Deno.TestContext, { name, reason, fn }: Step): Promise<void> {
  const shown = reason === undefined ? name : `${name} (skipped: ${reason})`;
  await context.step({ name: shown, ignore: reason !== undefined, ...STEP, fn });
}

/** True if `deno` runs the gateway, and not a compiled program. */
function isDeno(): boolean {
  return basename(command()[0]).startsWith("deno");
}

/** Publishes to `user`, and returns the peak memory of the process meanwhile. */
async function publishBatches(
  gateway: GatewayProcess,
  { user, batches }: { readonly user: string; readonly batches: number },
): Promise<number> {
  const content = "x".repeat(BATCH.bytes);
  const drafts = Array.from({ length: BATCH.messages }, () => ({ user, author: "1", content }));
  let most = 0;
  for (let batch = 0; batch < batches; batch++) {
    await gateway.backend.publishAll(drafts);
    if (batch % STRIDE === 0) most = Math.max(most, await residentBytes(gateway.pid));
  }
  return most;
}

/** A client that identifies and then stops reading. */
async function ready(gateway: Target, token: string): Promise<RawClient> {
  const client = await gateway.connect();
  assert.equal((await client.nextJson("Hello"))["op"], 0);
  await client.json({ op: 1, token });
  assert.equal((await client.nextJson("Ready"))["op"], 2);
  return client;
}

async function stopMany(
  gateway: Target,
  { token, count }: { readonly token: string; readonly count: number },
): Promise<RawClient[]> {
  const clients: RawClient[] = [];
  while (clients.length < count) {
    clients.push(...await Promise.all(Array.from({ length: 50 }, () => ready(gateway, token))));
  }
  return clients;
}

/** The number of sessions in this phase or in any, from the metrics. */
async function sessions(gateway: Target, phase = '[^"]*'): Promise<number> {
  const { body } = await gateway.backend.request("GET", "/metrics");
  const line = new RegExp(`^gateway_connections\\{phase="${phase}"\\} (\\d+)$`, "gm");
  const counts = [...String(body).matchAll(line)];
  assert.ok(counts.length > 0, "gateway_connections among the metrics");
  return counts.reduce((sum, [, count]) => sum + Number(count), 0);
}

/** True if the gateway's runtime can end a connection whose peer does not answer. */
async function canCut(): Promise<boolean> {
  await using gateway = await GatewayProcess.start({
    settings: { GATEWAY_IDENTIFY_TIMEOUT_MS: "10", GATEWAY_CLOSE_GRACE_MS: "0" },
  });
  using client = await gateway.connect();
  const cut = client.ended().then(() => true);
  const cannot = gateway.logLine(CANNOT_CUT).then(() => false).catch(() => true);
  return await within("a connection to be cut", Promise.race([cut, cannot]));
}
