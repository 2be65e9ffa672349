/**
 * The file of the SQLite log: created, accepted, or refused with a reason.
 *
 * @module
 */

import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { OperationalError } from "../../gateway/errors.ts";
import { openSqliteLog, type SqliteLogOptions } from "../../gateway/log/mod.ts";
import { FILE_NAME } from "../../gateway/log/sqlite/schema.ts";
import type { MessageLog } from "../../gateway/ports.ts";
import { FakeClock } from "../../mock/doubles/clock.ts";
import { FakeIds } from "../../mock/doubles/ids.ts";
import { FakeLogger } from "../../mock/doubles/logger.ts";
import { needs, testUnless } from "../permissions.ts";
import { tempDirectory } from "./support/temp_directory.ts";

const test = testUnless(needs("read", "write"));

const EVERYTHING = {
  after: undefined,
  audience: { everyone: true, channels: [] },
  limit: 1000,
  maxBytes: 1e9,
};
const DRAFT = { author: "1", content: "x".repeat(100) };

function open(directory: string, options: Partial<SqliteLogOptions> = {}): Promise<MessageLog> {
  const world = { clock: new FakeClock(), ids: new FakeIds("epoch"), logger: new FakeLogger() };
  return openSqliteLog({ directory, testing: { thread: "own" }, ...world, ...options });
}

/** Runs `body` with a directory in which a log with a thousand messages was closed. */
async function withFile(body: (directory: string, path: string) => Promise<void>): Promise<void> {
  const directory = tempDirectory();
  const log = await open(directory);
  await log.publish(Array.from({ length: 1000 }, () => DRAFT));
  await log.close();
  await body(directory, `${directory}/${FILE_NAME}`);
  Deno.removeSync(directory, { recursive: true });
}

function execute(path: string, sql: string): void {
  const database = new DatabaseSync(path);
  database.exec(sql);
  database.close();
}

/** Asserts that the file is refused with advice, and not changed. */
async function assertRefused(directory: string, path: string, what: RegExp): Promise<void> {
  const before = Deno.readFileSync(path);
  for (const thread of ["own", "worker"] as const) {
    await assert.rejects(open(directory, { testing: { thread } }), (error) => {
      assert.ok(error instanceof OperationalError);
      assert.equal(error.code, "log_corrupt");
      assert.match(error.message, what);
      assert.ok(error.message.includes(path), error.message);
      assert.match(error.message, /move it .* away .* or restore a backup/);
      return true;
    });
  }
  assert.deepEqual(Deno.readFileSync(path), before);
}

test("openSqliteLog() makes the directory and a file that says what it is", async () => {
  const directory = tempDirectory();
  const below = `${directory}/a/b`;
  const log = await open(below);
  assert.deepEqual(log.head(), { id: "epoch0-0", sequence: 0 });
  await log.close();
  const database = new DatabaseSync(`${below}/${FILE_NAME}`);
  const pragma = (name: string) => database.prepare(`PRAGMA ${name}`).get()?.[name];
  assert.equal(pragma("application_id"), 0x656d6167);
  assert.equal(pragma("user_version"), 3);
  assert.equal(pragma("journal_mode"), "wal");
  assert.equal(pragma("auto_vacuum"), 2, "incremental");
  database.close();
  Deno.removeSync(directory, { recursive: true });
});

test("openSqliteLog() finds the epoch, the head and the messages of before", async () => {
  await withFile(async (directory) => {
    const log = await open(directory, { ids: new FakeIds("other") });
    assert.deepEqual(log.head(), { id: "epoch0-1000", sequence: 1000 });
    const page = await log.read(EVERYTHING);
    assert.ok(page !== "expired");
    assert.equal(page.messages.length, 1000);
    const [message] = await log.publish([DRAFT]);
    assert.equal(message?.id, "epoch0-1001");
    await log.close();
  });
});

test("openSqliteLog() takes a file of version 1 whose times a clock has set ahead", async () => {
  await withFile(async (directory, path) => {
    const farAhead = 4e12;
    execute(
      path,
      `ALTER TABLE message DROP COLUMN stamp;
       ALTER TABLE idempotency DROP COLUMN stamp;
       ALTER TABLE state DROP COLUMN pruned_stamp;
       DROP TABLE revocation;
       UPDATE message SET time = ${farAhead};
       PRAGMA user_version = 1;`,
    );
    const clock = new FakeClock();
    const log = await open(directory, { clock, retentionMs: 3_600_000 });
    const [message] = await log.publish([DRAFT]);
    assert.equal(message?.time, clock.now());
    const count = async () => {
      await log.check();
      const page = await log.read({ ...EVERYTHING, limit: 2000 });
      return page === "expired" ? page : page.messages.length;
    };
    assert.equal(await count(), 1001);
    await clock.advance(3_600_000 + 60_000);
    for (let step = 0; step < 10 && await count() !== 0; step++) await clock.advance(60_000);
    assert.equal(await count(), 0);
    await log.close();
  });
});

test("openSqliteLog() does not give ids again that an unsynced file may have lost", async () => {
  const directory = tempDirectory();
  const ids: number[] = [];
  // The last one has syncs again, but those before it had none.
  for (const sync of ["full", "normal", "full", "full"] as const) {
    const log = await open(directory, { sync });
    const [message] = await log.publish([DRAFT]);
    ids.push(message?.sequence ?? 0);
    await log.close();
  }
  const steps = ids.map((id, index) => id - (ids[index - 1] ?? 0));
  assert.deepEqual(steps, [1, 2 ** 20 + 1, 2 ** 20 + 1, 1]);
  Deno.removeSync(directory, { recursive: true });
});

test("openSqliteLog() refuses a file of another program", async () => {
  const directory = tempDirectory();
  const path = `${directory}/${FILE_NAME}`;
  execute(path, "CREATE TABLE addresses (name TEXT)");
  await assertRefused(directory, path, /belongs to another program/);
  execute(path, "PRAGMA application_id = 7");
  await assertRefused(directory, path, /belongs to another program/);
  Deno.removeSync(directory, { recursive: true });
});

test("openSqliteLog() takes a file of version 2, which has no revocations", async () => {
  await withFile(async (directory, path) => {
    execute(path, "DROP TABLE revocation; PRAGMA user_version = 2;");
    const log = await open(directory);
    assert.equal(log.head().sequence, 1000);
    await log.revocations.revoke({ user: "alice", issuedBefore: Date.now() });
    await log.close();
    const again = await open(directory);
    assert.equal(again.revocations.isRevoked({ user: "alice", issuedAt: 0 }), true);
    await again.close();
  });
});

test("revoke() removes revocations that have ended from the file", async () => {
  await withFile(async (directory, path) => {
    const clock = new FakeClock();
    const log = await open(directory, { clock, revocationMs: 1000 });
    await log.revocations.revoke({ user: "alice", issuedBefore: clock.now() });
    await log.revocations.revoke({ user: "bob", issuedBefore: clock.now() + 1 });
    clock.jumpWall(1000);
    await log.revocations.revoke({ user: "carol", issuedBefore: clock.now() });
    await log.close();
    const database = new DatabaseSync(path);
    const rows = database.prepare("SELECT user FROM revocation ORDER BY user").all();
    database.close();
    assert.deepEqual(rows.map(({ user }) => user), ["bob", "carol"]);
  });
});

test("openSqliteLog() refuses a file of a newer version", async () => {
  await withFile(async (directory, path) => {
    execute(path, "PRAGMA user_version = 99");
    await assertRefused(directory, path, /newer version of the gateway/);
  });
});

test("openSqliteLog() refuses a file that is no database", async () => {
  const directory = tempDirectory();
  const path = `${directory}/${FILE_NAME}`;
  Deno.writeTextFileSync(path, "not a database ".repeat(1000));
  await assertRefused(directory, path, /damaged/);
  Deno.removeSync(directory, { recursive: true });
});

const DAMAGES: Readonly<Record<string, (file: Uint8Array) => Uint8Array>> = {
  "a header of noise": (file) => file.fill(0xa5, 0, 100),
  "a schema of noise": (file) => file.fill(0xa5, 100, 4096),
  "noise in the middle": (file) => file.fill(0xa5, 12 * 4096, 13 * 4096),
  "a missing end": (file) => file.slice(0, 20 * 4096),
};

for (const [name, damage] of Object.entries(DAMAGES)) {
  test(`openSqliteLog() refuses a file with ${name}`, async () => {
    await withFile(async (directory, path) => {
      Deno.writeFileSync(path, damage(Deno.readFileSync(path)));
      await assertRefused(directory, path, /damaged/);
    });
  });
}

test("openSqliteLog() starts an empty log once the damaged file was moved away", async () => {
  await withFile(async (directory, path) => {
    Deno.writeFileSync(path, new Uint8Array(10_000).fill(1));
    await assert.rejects(open(directory), { code: "log_corrupt" });
    Deno.renameSync(path, `${path}.damaged`);
    const log = await open(directory, { ids: new FakeIds("other") });
    assert.deepEqual(log.head(), { id: "other0-0", sequence: 0 });
    await log.close();
  });
});

test("openSqliteLog() finishes a file whose making was interrupted", async () => {
  const directory = tempDirectory();
  execute(
    `${directory}/${FILE_NAME}`,
    "PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL",
  );
  const log = await open(directory);
  await log.publish([DRAFT]);
  assert.equal(log.head().id, "epoch0-1");
  await log.close();
  Deno.removeSync(directory, { recursive: true });
});
