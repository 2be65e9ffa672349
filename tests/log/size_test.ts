/**
 * The size limit of the SQLite log, write-ahead log included, and space that it returns to the disk.
 *
 * @module
 */

import assert from "node:assert/strict";
import { openSqliteLog } from "../../gateway/log/mod.ts";
import type { Draft, Message, MessageLog } from "../../gateway/ports.ts";
import { FakeClock, settle } from "../../mock/doubles/clock.ts";
import { FakeIds } from "../../mock/doubles/ids.ts";
import { FakeLogger } from "../../mock/doubles/logger.ts";
import { needs, testUnless } from "../permissions.ts";
import { tempDirectory } from "./support/temp_directory.ts";

const test = testUnless(needs("read", "write"));

const MIB = 1024 * 1024;
const HOUR_MS = 60 * 60 * 1000;

function bytesOnDisk(directory: string): number {
  let bytes = 0;
  for (const { name } of Deno.readDirSync(directory)) {
    bytes += Deno.statSync(`${directory}/${name}`).size;
  }
  return bytes;
}

/** A batch of messages to many channels with `bytes` of content in total. */
function batch(number: number, { messages, bytes }: { messages: number; bytes: number }): Draft[] {
  return Array.from({ length: messages }, (_, index) => ({
    channel: `channel ${(number * messages + index) % 50}`,
    author: "1",
    content: "x".repeat(bytes / messages),
  }));
}

interface Opened extends AsyncDisposable {
  readonly directory: string;
  readonly clock: FakeClock;
  readonly log: MessageLog;
}

async function open(retentionBytes: number, directory = tempDirectory()): Promise<Opened> {
  const clock = new FakeClock();
  const world = { clock, ids: new FakeIds(), logger: new FakeLogger() };
  const log = await openSqliteLog({
    directory,
    testing: { thread: "own" },
    ...world,
    retentionBytes,
  });
  return {
    directory,
    clock,
    log,
    [Symbol.asyncDispose]: async () => {
      await log.close();
      Deno.removeSync(directory, { recursive: true });
    },
  };
}

async function newest(log: MessageLog): Promise<readonly Message[]> {
  const channels = Array.from({ length: 50 }, (_, index) => `channel ${index}`);
  const audience = { everyone: true, channels };
  const page = await log.read({ after: undefined, audience, limit: 1e6, maxBytes: 1e9 });
  assert.ok(page !== "expired");
  return page.messages;
}

for (
  const { name, limit, messages, bytes } of [
    { name: "a MiB of single messages", limit: MIB, messages: 1, bytes: 2000 },
    { name: "2 MiB of small messages", limit: 2 * MIB, messages: 50, bytes: 12_500 },
    { name: "4 MiB of large messages", limit: 4 * MIB, messages: 2, bytes: 120_000 },
  ]
) {
  test(`SqliteLog stays within ${name} while ten times as much is written`, async () => {
    await using opened = await open(limit);
    const { directory, log } = opened;
    let largest = 0;
    let last: Message | undefined;
    for (let number = 0; number * bytes < 10 * limit; number++) {
      last = (await log.publish(batch(number, { messages, bytes }))).at(-1);
      largest = Math.max(largest, bytesOnDisk(directory));
      await settle();
      largest = Math.max(largest, bytesOnDisk(directory));
    }
    assert.ok(largest <= limit, `${largest} bytes on disk`);
    // The newest messages without a gap are stored, and not much less than fits.
    const stored = await newest(log);
    assert.equal(stored.at(-1)?.id, last?.id);
    assert.equal(stored.length, last!.sequence - stored[0]!.sequence + 1);
    const storedBytes = stored.reduce((sum, { content }) => sum + String(content).length, 0);
    assert.ok(storedBytes > limit / 4, `${storedBytes} bytes stored`);
    const before = `id0-${stored[0]!.sequence - 2}`;
    const query = { audience: { everyone: true, channels: [] }, limit: 1, maxBytes: 1 };
    assert.equal(await log.read({ after: before, ...query }), "expired");
  });
}

test("SqliteLog gives disk space back when messages have become too old", async () => {
  await using opened = await open(16 * MIB);
  const { directory, clock, log } = opened;
  for (let number = 0; number < 100; number++) {
    await log.publish(batch(number, { messages: 100, bytes: 100_000 }));
  }
  const full = bytesOnDisk(directory);
  assert.ok(full > 10 * MIB, `${full} bytes on disk`);
  await clock.advance(25 * HOUR_MS);
  await log.publish(batch(0, { messages: 1, bytes: 1 }));
  assert.equal((await newest(log)).length, 1);
  const left = bytesOnDisk(directory);
  assert.ok(left < 2 * MIB, `${left} bytes on disk`);
});

test("SqliteLog gives back what a large publish took in the write-ahead log", async () => {
  await using opened = await open(64 * MIB);
  const { directory, log } = opened;
  await log.publish(batch(0, { messages: 1000, bytes: 20_000_000 }));
  const full = bytesOnDisk(directory);
  assert.ok(full > 30 * MIB, `${full} bytes on disk`);
  for (let number = 0; number < 3; number++) {
    await log.publish(batch(number, { messages: 1, bytes: 1 }));
  }
  const left = bytesOnDisk(directory);
  assert.ok(left < 26 * MIB, `${left} bytes on disk`);
});

test("SqliteLog gives disk space back when its limit was lowered", async () => {
  const directory = tempDirectory();
  const large = await open(16 * MIB, directory);
  for (let number = 0; number < 80; number++) {
    await large.log.publish(batch(number, { messages: 100, bytes: 100_000 }));
  }
  await large.log.close();
  await using small = await open(4 * MIB, directory);
  await small.log.publish(batch(0, { messages: 1, bytes: 1 }));
  await small.clock.advance(HOUR_MS);
  assert.ok(bytesOnDisk(directory) <= 4 * MIB, `${bytesOnDisk(directory)} bytes on disk`);
  assert.ok((await newest(small.log)).length > 1000);
});

test("SqliteLog lets idempotency keys neither fill the file nor keep messages out", async () => {
  await using opened = await open(MIB);
  const { directory, log } = opened;
  for (let number = 0; number < 40; number++) {
    await Promise.all(Array.from({ length: 100 }, (_, index) => {
      const key = { key: `${number}.${index} ${"k".repeat(100)}`, digest: "d".repeat(64) };
      return log.publishOnce(key, batch(index, { messages: 1, bytes: 100 }));
    }));
    await settle();
    assert.ok(bytesOnDisk(directory) <= MIB, `${bytesOnDisk(directory)} bytes on disk`);
  }
  assert.ok((await newest(log)).length > 100);
  const last = { key: `39.99 ${"k".repeat(100)}`, digest: "d".repeat(64) };
  assert.equal((await log.publishOnce(last, [])).repeated, true);
});
