/**
 * Measures resuming through a gateway's socket: ten missed messages out of a log with a million of others', and
 * out of one with a thousand. The two take turns.
 *
 *     deno run -A bench/resume.ts [--others 1000000] [--few 1000] [--resumes 300]
 *
 * @module
 */

import { openSqliteLog } from "../gateway/log/mod.ts";
import type { Draft } from "../gateway/ports.ts";
import { Peer } from "../tests/conformance/support/peer.ts";
import { GatewayProcess } from "../tests/conformance/support/process.ts";
import { CHAT_TEXT } from "./support/deployment.ts";
import { numberOptions, print, quantile } from "./support/stats.ts";
import { createWorld } from "./support/world.ts";

const OPTIONS = numberOptions({ others: 1_000_000, few: 1000, resumes: 300 });
const { others: OTHERS, few: FEW, resumes: RESUMES } = OPTIONS;
const MISSED = 10;
const BATCH = 1000;
const WARM_UP = 50;

/** Returns draft `index` of a log: a few for alice, the rest in a thousand other channels. */
function draft(index: number, others: number): Draft {
  const everyHowMany = Math.floor(others / MISSED);
  const content = { text: CHAT_TEXT };
  const ours = index % everyHowMany === everyHowMany - 1 && index < everyHowMany * MISSED;
  return { channel: ours ? "general" : `channel ${index % 1000}`, author: "7", content };
}

/** Makes a directory with a log of `others` messages and the missed ones among them. */
async function fill(others: number): Promise<{ readonly dataDir: string; readonly start: string }> {
  const dataDir = Deno.makeTempDirSync();
  const log = await openSqliteLog({
    ...createWorld(),
    directory: dataDir,
    testing: { thread: "own" },
  });
  const start = log.head().id;
  for (let index = 0; index < others; index += BATCH) {
    const drafts = Array.from({ length: BATCH }, (_, offset) => draft(index + offset, others));
    await log.publish(drafts);
  }
  await log.close();
  return { dataDir, start };
}

/** Resumes once. Returns the milliseconds from Identify to the last missed message. */
async function resume(wsUrl: string, token: string, lastId: string): Promise<number> {
  using peer = await Peer.connect(wsUrl);
  await peer.next("Hello");
  const start = performance.now();
  await peer.identify(token, lastId);
  const ready = await peer.nextReady();
  if (ready["resumed"] !== true) throw new Error("not resumed");
  for (let missed = 0; missed < MISSED; missed++) await peer.nextMessage();
  return performance.now() - start;
}

const logs = [await fill(FEW), await fill(OTHERS)] as const;
{
  await using small = await GatewayProcess.start({ dataDir: logs[0].dataDir });
  await using large = await GatewayProcess.start({ dataDir: logs[1].dataDir });
  const sides = await Promise.all([small, large].map(async (gateway, index) => ({
    wsUrl: gateway.wsUrl,
    token: await gateway.backend.login("alice", { channels: ["general"] }),
    start: logs[index]?.start ?? "",
    ms: [] as number[],
  })));
  for (let round = -WARM_UP; round < RESUMES; round++) {
    for (const { wsUrl, token, start, ms } of sides) {
      const took = await resume(wsUrl, token, start);
      if (round >= 0) ms.push(took);
    }
  }
  const medians = sides.map(({ ms }) => quantile(ms, 0.5));
  [FEW, OTHERS].forEach((others, index) => {
    console.log(
      `${MISSED} missed among ${print(others)} others': ${print(medians[index] ?? NaN, 2)} ms ` +
        `(median of ${RESUMES}), p99 ${print(quantile(sides[index]?.ms ?? [], 0.99), 2)} ms`,
    );
  });
  console.log(`ratio of the medians: ${print((medians[1] ?? NaN) / (medians[0] ?? NaN), 3)}`);
}
for (const { dataDir } of logs) Deno.removeSync(dataDir, { recursive: true });
