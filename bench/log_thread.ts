/**
 * Compares the SQLite log in its worker with one in the caller's thread: publishes from 64 loops, and measures
 * the delay of the caller's event loop.
 *
 *     deno run -A bench/log_thread.ts [--rounds 3] [--seconds 3]
 *
 * @module
 */

import { openSqliteLog } from "../gateway/log/mod.ts";
import type { Draft } from "../gateway/ports.ts";
import { numberOptions, print, quantile } from "./support/stats.ts";
import { createWorld } from "./support/world.ts";

const { rounds: ROUNDS, seconds } = numberOptions({ rounds: 3, seconds: 3 });
const MS = seconds * 1000;
const PUBLISHERS = 64;
const TICK_MS = 1;

const THREADS = ["own", "worker"] as const;
const LOADS = [1, 100] as const;

const DRAFT: Draft = {
  channel: "general",
  author: "7",
  content: { text: "a message of chat ".repeat(8) },
};

interface Measured {
  /** Messages a second. */
  readonly rate: number;
  /** The delay of each 1 ms timer. */
  readonly lateMs: readonly number[];
}

async function measure(thread: "own" | "worker", messagesPerPublish: number): Promise<Measured> {
  const directory = Deno.makeTempDirSync();
  const log = await openSqliteLog({ ...createWorld(), directory, testing: { thread } });
  const drafts = Array.from({ length: messagesPerPublish }, () => DRAFT);
  const lateMs: number[] = [];
  let messages = 0;
  const start = performance.now();
  const goesOn = () => performance.now() - start < MS;
  const watching = (async () => {
    while (goesOn()) {
      const due = performance.now() + TICK_MS;
      await new Promise((resolve) => setTimeout(resolve, TICK_MS));
      lateMs.push(Math.max(0, performance.now() - due));
    }
  })();
  const publishing = Array.from({ length: PUBLISHERS }, async () => {
    while (goesOn()) {
      await log.publish(drafts);
      messages += messagesPerPublish;
      // Yields to the event loop, as an HTTP answer would.
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
  });
  await Promise.all([watching, ...publishing]);
  const rate = messages / (performance.now() - start) * 1000;
  await log.close();
  Deno.removeSync(directory, { recursive: true });
  return { rate, lateMs };
}

console.log(`${PUBLISHERS} publishers, ${ROUNDS} rounds of ${MS / 1000} s, synchronous=FULL`);
for (const messagesPerPublish of LOADS) {
  const found = new Map(THREADS.map((thread) => [thread, [] as Measured[]]));
  for (let round = 0; round < ROUNDS; round++) {
    for (const thread of THREADS) {
      found.get(thread)?.push(await measure(thread, messagesPerPublish));
    }
  }
  for (const [thread, rounds] of found) {
    const late = rounds.flatMap(({ lateMs }) => lateMs);
    const rate = quantile(rounds.map(({ rate }) => rate), 0.5);
    console.log(
      `${messagesPerPublish} a publish, ${thread} thread: ${print(rate)} messages/s, ` +
        `event loop late by ${print(quantile(late, 0.5), 1)} ms (p50), ` +
        `${print(quantile(late, 0.99), 1)} ms (p99), ${print(quantile(late, 1), 1)} ms (most)`,
    );
  }
}
