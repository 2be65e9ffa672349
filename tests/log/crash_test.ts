/**
 * The SQLite log after its process was killed, and the lock on its file.
 *
 * @module
 */

import assert from "node:assert/strict";
import { FILE_NAME } from "../../gateway/log/sqlite/schema.ts";
import { openSqliteLog } from "../../gateway/log/mod.ts";
import { FakeClock } from "../../mock/doubles/clock.ts";
import { FakeIds } from "../../mock/doubles/ids.ts";
import { FakeLogger } from "../../mock/doubles/logger.ts";
import { needs, testUnless } from "../permissions.ts";
import type { Answer } from "./support/child.ts";
import { Child } from "./support/child_process.ts";
import { tempDirectory } from "./support/temp_directory.ts";

const test = testUnless(needs("read", "write", "run"));

type Entry = readonly [id: string, content: string];

/** The messages of one publish that was answered. */
function entries(answer: Answer): Entry[] {
  assert.ok(answer.ok && Array.isArray(answer.value));
  return answer.value;
}

function world(): { clock: FakeClock; ids: FakeIds; logger: FakeLogger } {
  return { clock: new FakeClock(), ids: new FakeIds(), logger: new FakeLogger() };
}

async function contents(directory: string): Promise<Entry[]> {
  const log = await openSqliteLog({ directory, testing: { thread: "own" }, ...world() });
  const audience = { everyone: true, channels: [] };
  const page = await log.read({ after: undefined, audience, limit: 1e6, maxBytes: 1e9 });
  await log.close();
  assert.ok(page !== "expired" && !page.more);
  return page.messages.map(({ id, content }) => [id, String(content)]);
}

/** Asserts that both halves of every publish are there, next to each other. */
function assertWhole(found: readonly Entry[]): void {
  assert.equal(found.length % 2, 0);
  for (let index = 0; index < found.length; index += 2) {
    const [first, second] = [found[index]?.[1] ?? "", found[index + 1]?.[1] ?? ""];
    assert.equal(first.replace(/1$/, "2"), second);
  }
}

/** Lets a child publish, kills it, and returns the answers. */
async function killed(directory: string, thread: "own" | "worker"): Promise<Entry[]> {
  await using child = new Child();
  const opened = await child.ask({ do: "open", directory, thread });
  assert.ok(opened.ok);
  await child.send({ do: "flood" });
  const accepted: Entry[] = [];
  while (accepted.length < 400) {
    const answer = await child.next();
    assert.ok(answer);
    accepted.push(...entries(answer));
  }
  for (const answer of await child.kill()) accepted.push(...entries(answer));
  return accepted;
}

for (const thread of ["own", "worker"] as const) {
  test(`SqliteLog (${thread}) keeps what it accepted when its process is killed`, async () => {
    const directory = tempDirectory();
    const accepted = await killed(directory, thread);
    const found = await contents(directory);
    assertWhole(found);
    // Commits that were not answered may follow; nothing may be missing.
    assert.deepEqual(found.slice(0, accepted.length), accepted);
    Deno.removeSync(directory, { recursive: true });
  });
}

test("SqliteLog leaves out a group whole when its write was torn", async () => {
  const [live, copy] = [tempDirectory(), tempDirectory()];
  const log = await openSqliteLog({ directory: live, testing: { thread: "own" }, ...world() });
  for (let number = 0; number < 40; number++) {
    const drafts = [1, 2].map((half) => ({ author: "1", content: `${number}.${half}` }));
    await log.publish(drafts);
  }
  // As after a power failure: the last bytes of the write-ahead log are missing.
  const file = Deno.readFileSync(`${live}/${FILE_NAME}`);
  const wal = Deno.readFileSync(`${live}/${FILE_NAME}-wal`);
  await log.close();
  const whole = await contents(live);
  assert.equal(whole.length, 80);
  for (const lostBytes of [1, 100, 4096, 4120, 10_000, 30_000, 70_000]) {
    Deno.writeFileSync(`${copy}/${FILE_NAME}`, file);
    Deno.writeFileSync(`${copy}/${FILE_NAME}-wal`, wal.subarray(0, wal.length - lostBytes));
    const found = await contents(copy);
    assertWhole(found);
    assert.ok(found.length > 0 && found.length < whole.length);
    assert.deepEqual(found, whole.slice(0, found.length));
  }
  for (const directory of [live, copy]) Deno.removeSync(directory, { recursive: true });
});

test("openSqliteLog() refuses a directory that another process has", async () => {
  const directory = tempDirectory();
  {
    await using first = new Child();
    await using second = new Child();
    const open = { do: "open", directory, thread: "worker" } as const;
    assert.ok((await first.ask(open)).ok);
    // Before the first write, and after it.
    for (const content of ["", "something"]) {
      if (content !== "") assert.ok((await first.ask({ do: "publish", content })).ok);
      const answer = await second.ask(open);
      assert.ok(!answer.ok);
      assert.equal(answer.code, "log_locked");
      assert.ok(answer.message.includes(directory), answer.message);
    }
    await first.kill();
    assert.ok((await second.ask(open)).ok, "the lock ends with its process");
    const read = await second.ask({ do: "read" });
    assert.deepEqual(read, { ok: true, value: [["child0-1", "something"]] });
  }
  // Also if the file was only opened, and is as an earlier process left it.
  {
    await using first = new Child();
    await using second = new Child();
    const open = { do: "open", directory, thread: "own" } as const;
    assert.ok((await first.ask(open)).ok);
    const answer = await second.ask(open);
    assert.ok(!answer.ok);
    assert.equal(answer.code, "log_locked");
  }
  Deno.removeSync(directory, { recursive: true });
});
