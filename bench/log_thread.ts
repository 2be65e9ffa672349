/**
 * Whether the SQLite log belongs in a thread of its own: publishes into it from 64 loops, in its own
 * worker and in the caller's thread, and measures how late the caller's event loop is meanwhile.
 *
 *     deno run -A bench/log_thread.ts [--rounds 3] [--seconds 3]
 *
 * @module
 */

import { openSqliteLog } from "../gateway/log/mod.ts";
import type { Draft } from "../gateway/ports.ts";
import { SystemClock } from "../gateway/runtime/clock.ts";
import { RandomIds } from "../gateway/runtime/ids.ts";
import { createLogger } from "../gateway/runtime/logger.ts";
import { numberOptions, print, quantile } from "./support/stats.ts";

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
  /** How late each timer of a millisecond fired. */
  readonly lateMs: readonly number[];
}

async function measure(thread: "own" | "worker", messagesPerPublish: number): Promise<Measured> {
  const directory = Deno.makeTempDirSync();
  const logger = createLogger({ level: "error", format: "text" });
  const world = { clock: new SystemClock(), ids: new RandomIds(), logger };
  const log = await openSqliteLog({ ...world, directory, testing: { thread } });
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
      // As an answer over HTTP would, this lets the event loop turn.
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
