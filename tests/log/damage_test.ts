/**
 * The SQLite log while its files are deleted, moved, replaced or damaged.
 *
 * @module
 */

import assert from "node:assert/strict";
import { OperationalError } from "../../gateway/errors.ts";
import { openSqliteLog, type SqliteLogOptions } from "../../gateway/log/mod.ts";
import { FILE_NAME } from "../../gateway/log/sqlite/schema.ts";
import type { MessageLog } from "../../gateway/ports.ts";
import { FakeClock } from "../../mock/doubles/clock.ts";
import { FakeIds } from "../../mock/doubles/ids.ts";
import { FakeLogger } from "../../mock/doubles/logger.ts";
import { EVERYONE, readAll } from "../contract/support.ts";
import { needs, testUnless } from "../permissions.ts";
import { tempDirectory } from "./support/temp_directory.ts";

const test = testUnless(needs("read", "write"));

interface Opened {
  readonly log: MessageLog;
  readonly clock: FakeClock;
  readonly logger: FakeLogger;
  /** A place to which a test may move the data directory. */
  readonly elsewhere: string;
  readonly directory: string;
  readonly path: string;
  readonly wal: string;
}

async function open(
  directory: string,
  options: Partial<SqliteLogOptions> = {},
): Promise<{ log: MessageLog; clock: FakeClock; logger: FakeLogger }> {
  const world = { clock: new FakeClock(), logger: new FakeLogger(), ids: new FakeIds("epoch") };
  const log = await openSqliteLog({ directory, testing: { thread: "own" }, ...world, ...options });
  return { log, ...world };
}

/** Runs `body` with a log in which "1" to "20" were published and partly checkpointed. */
async function withLog(
  options: Partial<SqliteLogOptions>,
  body: (opened: Opened) => Promise<void>,
): Promise<void> {
  const base = tempDirectory();
  const directory = `${base}/data`;
  const first = await open(directory, options);
  for (let count = 1; count <= 10; count++) await publish(first.log, `${count}`);
  await first.log.close();
  const opened = await open(directory, options);
  for (let count = 11; count <= 20; count++) await publish(opened.log, `${count}`);
  const path = `${directory}/${FILE_NAME}`;
  try {
    await body({ ...opened, directory, elsewhere: `${base}/elsewhere`, path, wal: `${path}-wal` });
  } finally {
    await opened.log.close();
    Deno.removeSync(base, { recursive: true });
  }
}

const TWENTY = Array.from({ length: 20 }, (_, index) => `${index + 1}`);

function publish(log: MessageLog, content: string): Promise<unknown> {
  return log.publish([{ author: "1", content }]);
}

async function contents(log: MessageLog): Promise<unknown[]> {
  return (await readAll(log)).map(({ content }) => content);
}

/** Asserts that the log refuses. The error has no path, because `/health` shows it; one log line has the path. */
async function assertRefused({ log, logger, directory, clock }: Opened, code: string) {
  for (const attempt of [() => publish(log, "refused"), () => log.check()]) {
    await assert.rejects(attempt, (error) => {
      assert.ok(error instanceof OperationalError, String(error));
      assert.equal(error.code, code, error.message);
      assert.ok(!error.message.includes(directory), error.message);
      return true;
    });
    await clock.advance(1000);
  }
  assert.deepEqual(logger.messages("error"), ["the log cannot be used"]);
  const { error } = logger.lines[0]?.fields ?? {};
  assert.ok(error instanceof OperationalError);
  assert.ok(String(error.cause).includes(directory), String(error.cause));
}

/** Overwrites a part of a file in place. */
function overwrite(path: string, at: (size: number) => number, length: number): void {
  using file = Deno.openSync(path, { write: true });
  file.seekSync(at(file.statSync().size), Deno.SeekMode.Start);
  file.writeSync(new Uint8Array(length).fill(0xa5));
}

/** Replaces the file by a copy. */
function replace(path: string): void {
  Deno.copyFileSync(path, `${path}.copy`);
  Deno.renameSync(`${path}.copy`, path);
}

const REMOVED: Readonly<Record<string, (opened: Opened) => void>> = {
  "the database file is deleted": ({ path }) => Deno.removeSync(path),
  "both files are deleted": ({ path, wal }) => [path, wal].forEach((each) => Deno.removeSync(each)),
  "the data directory is deleted": ({ directory }) =>
    Deno.removeSync(directory, { recursive: true }),
  "the database file is replaced by a copy": ({ path }) => replace(path),
  "the data directory is replaced by a copy": ({ directory, elsewhere }) => {
    Deno.renameSync(directory, elsewhere);
    Deno.mkdirSync(directory);
    for (const { name } of Deno.readDirSync(elsewhere)) {
      Deno.copyFileSync(`${elsewhere}/${name}`, `${directory}/${name}`);
    }
  },
};

const DAMAGED: Readonly<Record<string, (opened: Opened) => void>> = {
  "the write-ahead log is overwritten": ({ wal }) =>
    overwrite(wal, () => 0, Deno.statSync(wal).size),
  "the header of the write-ahead log is overwritten": ({ wal }) => overwrite(wal, () => 0, 16),
  "a part of an early frame is overwritten": ({ wal }) => overwrite(wal, () => 4000, 20),
  "a part of the last frame is overwritten": ({ wal }) => overwrite(wal, (size) => size - 100, 20),
  "the write-ahead log is emptied": ({ wal }) => Deno.truncateSync(wal),
  "the write-ahead log is cut": ({ wal }) => Deno.truncateSync(wal, Deno.statSync(wal).size / 2),
  "the database file is overwritten": ({ path }) =>
    overwrite(path, () => 0, Deno.statSync(path).size),
  "a page of the database is overwritten": ({ path }) => overwrite(path, () => 8192, 4096),
  "the database file is emptied": ({ path }) => Deno.truncateSync(path),
};

for (const thread of ["own", "worker"] as const) {
  for (const [what, happens] of Object.entries(REMOVED)) {
    test(`SqliteLog (${thread}) refuses at once when ${what}`, async () => {
      await withLog({ testing: { thread } }, async (opened) => {
        happens(opened);
        await assertRefused(opened, "log_unavailable");
        await assertRefused(opened, "log_unavailable");
      });
    });
  }

  for (const [what, happens] of Object.entries(DAMAGED)) {
    test(`SqliteLog (${thread}) refuses within half a second when ${what}`, async () => {
      await withLog({ testing: { thread } }, async (opened) => {
        happens(opened);
        const damaged = [opened.path, opened.wal].map((each) => Deno.readFileSync(each));
        await opened.clock.advance(500);
        await assertRefused(opened, "log_corrupt");
        await assertRefused(opened, "log_corrupt");
        await opened.log.close();
        // Behind the old end, a refused publish may have left bytes in the write-ahead log.
        const [database, wal] = [opened.path, opened.wal].map((each) => Deno.readFileSync(each));
        assert.deepEqual(database, damaged[0], "nothing is copied into the database");
        assert.ok(wal!.length >= damaged[1]!.length, "nor is the write-ahead log taken away");
      });
    });
  }
}

test("SqliteLog has no other files that could be deleted", async () => {
  await withLog({}, ({ directory }) => {
    const names = [...Deno.readDirSync(directory)].map(({ name }) => name);
    assert.deepEqual(names.sort(), [FILE_NAME, `${FILE_NAME}-wal`]);
    return Promise.resolve();
  });
});

test("SqliteLog goes on without a loss when its directory is back in its place", async () => {
  await withLog({}, async (opened) => {
    const { log, directory, elsewhere, logger } = opened;
    Deno.renameSync(directory, elsewhere);
    await assertRefused(opened, "log_unavailable");
    Deno.renameSync(elsewhere, directory);
    await publish(log, "21");
    assert.deepEqual(logger.messages("info"), ["the log can be used again"]);
    assert.deepEqual(await contents(log), [...TWENTY, "21"]);
    await log.close();
    const again = await open(directory);
    assert.deepEqual(await contents(again.log), [...TWENTY, "21"]);
    await again.log.close();
  });
});

for (
  const [what, happens] of Object.entries<(opened: Opened) => void>({
    deleted: ({ wal }) => Deno.removeSync(wal),
    moved: ({ wal, path }) => Deno.renameSync(wal, `${path}.elsewhere`),
    "replaced by a copy": ({ wal }) => replace(wal),
  })
) {
  test(`SqliteLog saves what is in a write-ahead log that is ${what}`, async () => {
    await withLog({}, async (opened) => {
      const { log, directory } = opened;
      happens(opened);
      await assert.rejects(publish(log, "refused"), { code: "log_unavailable" });
      assert.deepEqual(opened.logger.messages("error"), ["the log cannot be used"]);
      await publish(log, "21");
      assert.deepEqual(await contents(log), [...TWENTY, "21"]);
      await log.close();
      const again = await open(directory);
      assert.deepEqual(await contents(again.log), [...TWENTY, "21"]);
      await again.log.close();
    });
  });
}

test("SqliteLog does not mind a database file that was only touched", async () => {
  await withLog({}, async ({ log, path, clock, logger }) => {
    Deno.utimeSync(path, 1, 1);
    await clock.advance(500);
    await publish(log, "21");
    await log.check();
    assert.deepEqual(await contents(log), [...TWENTY, "21"]);
    assert.deepEqual(logger.messages("error"), []);
  });
});

test("SqliteLog copies nothing that is damaged into the database", async () => {
  // The checkpoint comes at 256 KiB.
  await withLog({ retentionBytes: 4 << 20 }, async ({ log, path, wal }) => {
    overwrite(wal, () => 4000, 20);
    const before = Deno.readFileSync(path);
    let accepted = 0;
    const refused = async () => {
      for (; accepted < 50; accepted++) await publish(log, "x".repeat(5000));
    };
    await assert.rejects(refused, { code: "log_corrupt" });
    assert.ok(accepted > 0, "the second has not passed, and the write-ahead log is not full");
    assert.deepEqual(Deno.readFileSync(path), before);
  });
});

test("SqliteLog refuses publishes once a read has come upon damage", async () => {
  await withLog({}, async ({ log, wal, clock }) => {
    overwrite(wal, () => 0, Deno.statSync(wal).size);
    await clock.advance(499);
    await publish(log, "not looked at again yet").catch(() => {});
    await clock.advance(1);
    await assert.rejects(log.check(), { code: "log_corrupt" });
    const query = { after: undefined, audience: EVERYONE, limit: 100, maxBytes: 1e6 };
    await assert.rejects(log.read(query), { code: "log_corrupt" });
    await assert.rejects(publish(log, "refused"), { code: "log_corrupt" });
  });
});
