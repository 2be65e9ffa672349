/**
 * The SQLite log under faults of the disk and the process, in child processes.
 *
 * @module
 */

import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { FILE_NAME } from "../../gateway/log/sqlite/schema.ts";
import { needs, testUnless } from "../permissions.ts";
import { Child } from "./support/child_process.ts";
import { tempDirectory } from "./support/temp_directory.ts";

const THREADS = ["own", "worker"] as const;

async function answered(child: Child, content: string): Promise<unknown> {
  const answer = await child.ask({ do: "publish", content });
  assert.ok(answer.ok, `publishing failed: ${JSON.stringify(answer)}`);
  return [answer.value, content];
}

/** Publishes until it is refused, and returns what was accepted. */
async function untilRefused(child: Child): Promise<unknown[]> {
  const accepted: unknown[] = [];
  for (let number = 0; number < 1000; number++) {
    const content = `${number} ${"x".repeat(5000)}`;
    const answer = await child.ask({ do: "publish", content });
    if (answer.ok) {
      accepted.push([answer.value, content]);
      continue;
    }
    assert.equal(answer.code, "log_unavailable", answer.message);
    return accepted;
  }
  assert.fail("nothing was refused");
}

async function outcome(child: Child, command: Parameters<Child["ask"]>[0]): Promise<string> {
  const answer = await child.ask(command);
  return answer.ok ? "ok" : answer.code;
}

/** Fills the disk, then makes room, and checks the log's reaction. */
async function assertRecovers(
  child: Child,
  disk: { fill(): Promise<void>; free(): Promise<void> },
): Promise<void> {
  const accepted = [await answered(child, "first")];
  await disk.fill();
  accepted.push(...await untilRefused(child));
  assert.equal(await outcome(child, { do: "check" }), "log_unavailable");
  assert.deepEqual(await child.ask({ do: "read" }), { ok: true, value: accepted });
  await disk.free();
  assert.equal(await outcome(child, { do: "check" }), "ok");
  accepted.push(await answered(child, "last"));
  assert.deepEqual(await child.ask({ do: "read" }), { ok: true, value: accepted });
}

/** True if a shell can run `script`; if not, tests that need it are skipped. */
function works(script: string): boolean {
  return new Deno.Command("sh", { args: ["-c", script], stdout: "null", stderr: "null" })
    .outputSync().success;
}

const FORBIDDEN = needs("read", "write", "run");
const NO_NAMESPACE = FORBIDDEN ??
  (works('unshare -rm sh -c "mount -t tmpfs tmpfs /mnt"')
    ? undefined
    : "a file system of its own needs `unshare -rm`, which is not allowed here");
const NO_LIMIT = FORBIDDEN ?? (works("prlimit --version") ? undefined : "needs prlimit");

/** A test that is skipped, with the reason, if the machine lacks what it needs. */
function test(name: string, missing: string | undefined, body: () => Promise<void>): void {
  testUnless(missing)(name, body);
}

for (const thread of THREADS) {
  test(`SqliteLog (${thread}) outlives a full disk`, NO_NAMESPACE, async () => {
    const directory = tempDirectory();
    const mount = `mount -t tmpfs -o size=1m tmpfs ${directory}`;
    await using child = new Child(`exec unshare -rm sh -c '${mount} && exec "$@"' sh "$@"`);
    assert.equal(await outcome(child, { do: "open", directory, thread }), "ok");
    const path = `${directory}/filler`;
    await assertRecovers(child, {
      fill: async () => assert.equal(await outcome(child, { do: "fill", path }), "ok"),
      free: async () => assert.equal(await outcome(child, { do: "remove", path }), "ok"),
    });
    Deno.removeSync(directory);
  });

  test(
    `openSqliteLog() (${thread}) says that a disk is full, not that the file is bad`,
    NO_NAMESPACE,
    async () => {
      const directory = tempDirectory();
      const mount = `mount -t tmpfs -o size=64k tmpfs ${directory}`;
      await using child = new Child(`exec unshare -rm sh -c '${mount} && exec "$@"' sh "$@"`);
      const path = `${directory}/filler`;
      assert.equal(await outcome(child, { do: "fill", path }), "ok");
      assert.equal(await outcome(child, { do: "open", directory, thread }), "log_unavailable");
      assert.equal(await outcome(child, { do: "remove", path }), "ok");
      Deno.removeSync(directory);
    },
  );

  test(`SqliteLog (${thread}) outlives writes that fail`, NO_LIMIT, async () => {
    const directory = tempDirectory();
    // The signal would end the process before the write could fail.
    await using child = new Child(`trap "" XFSZ; exec "$@"`);
    assert.equal(await outcome(child, { do: "open", directory, thread }), "ok");
    const limit = (size: string) => {
      assert.ok(works(`prlimit --pid ${child.pid} --fsize=${size}:unlimited`));
      return Promise.resolve();
    };
    await assertRecovers(child, { fill: () => limit("1000"), free: () => limit("unlimited") });
    await child.kill();
    Deno.removeSync(directory, { recursive: true });
  });
}

test("SqliteLog takes out what a commit that failed left in the file", NO_LIMIT, async () => {
  const directory = tempDirectory();
  await using child = new Child(`trap "" XFSZ; exec "$@"`);
  assert.equal(await outcome(child, { do: "open", directory, thread: "own" }), "ok");
  await answered(child, "before");
  assert.ok(works(`prlimit --pid ${child.pid} --fsize=1000:unlimited`));
  assert.equal(await outcome(child, { do: "publish", content: "refused" }), "log_unavailable");
  // As if the commit had reached the disk, but its answer had been lost.
  const database = new DatabaseSync(`${directory}/${FILE_NAME}`);
  database.exec(`INSERT INTO message VALUES (2, 'everyone', 1, '["1","refused"]', 1)`);
  database.close();
  assert.ok(works(`prlimit --pid ${child.pid} --fsize=unlimited`));
  await answered(child, "after");
  assert.deepEqual(await child.ask({ do: "read" }), {
    ok: true,
    value: [["child0-1", "before"], ["child0-2", "after"]],
  });
  await child.kill();
  Deno.removeSync(directory, { recursive: true });
});

test("SqliteLog writes to no file but its own when it opens it again", NO_LIMIT, async () => {
  const [directory, elsewhere] = [tempDirectory(), tempDirectory()];
  await using child = new Child(`trap "" XFSZ; exec "$@"`);
  await using other = new Child();
  assert.equal(await outcome(child, { do: "open", directory, thread: "own" }), "ok");
  await answered(child, "before");
  assert.ok(works(`prlimit --pid ${child.pid} --fsize=1000:unlimited`));
  assert.equal(await outcome(child, { do: "publish", content: "lost" }), "log_unavailable");
  assert.ok(
    works(`mv ${directory}/* ${elsewhere} && prlimit --pid ${child.pid} --fsize=unlimited`),
  );
  assert.equal(await outcome(child, { do: "publish", content: "no file" }), "log_unavailable");
  assert.deepEqual([...Deno.readDirSync(directory)], [], "nor does it make a new one");
  assert.equal(await outcome(other, { do: "open", directory, thread: "own", ids: "other" }), "ok");
  assert.equal(await outcome(child, { do: "publish", content: "locked" }), "log_unavailable");
  await other.kill();
  assert.equal(await outcome(child, { do: "publish", content: "not ours" }), "log_unavailable");
  assert.ok(works(`rm ${directory}/* && mv ${elsewhere}/* ${directory}`));
  await answered(child, "after");
  assert.deepEqual(await child.ask({ do: "read" }), {
    ok: true,
    value: [["child0-1", "before"], ["child0-2", "after"]],
  });
  await child.kill();
  for (const path of [directory, elsewhere]) Deno.removeSync(path, { recursive: true });
});

test(
  "SqliteLog names no path when it fails in use, since /health tells everybody",
  NO_LIMIT,
  async () => {
    const [directory, elsewhere] = [tempDirectory(), tempDirectory()];
    await using child = new Child(`trap "" XFSZ; exec "$@"`);
    await using other = new Child();
    const failure = async (command: Parameters<Child["ask"]>[0]): Promise<string> => {
      const answer = await child.ask(command);
      assert.ok(!answer.ok);
      assert.equal(answer.code, "log_unavailable");
      assert.ok(!answer.message.includes(directory), answer.message);
      return answer.message;
    };
    assert.equal(await outcome(child, { do: "open", directory, thread: "own" }), "ok");
    await answered(child, "before");
    assert.ok(works(`prlimit --pid ${child.pid} --fsize=1000:unlimited`));
    assert.match(
      await failure({ do: "publish", content: "lost" }),
      /^the log cannot be used now: /,
    );
    assert.ok(
      works(`mv ${directory}/* ${elsewhere} && prlimit --pid ${child.pid} --fsize=unlimited`),
    );
    assert.match(await failure({ do: "check" }), /messages\.sqlite3 cannot be opened$/);
    Deno.mkdirSync(`${directory}/${FILE_NAME}`);
    assert.match(await failure({ do: "check" }), /another file is in its place$/);
    Deno.removeSync(`${directory}/${FILE_NAME}`);
    assert.ok(works(`mv ${elsewhere}/* ${directory}`));
    assert.equal(
      await outcome(other, { do: "open", directory, thread: "own", ids: "other" }),
      "ok",
    );
    assert.match(await failure({ do: "check" }), /another process has the data directory:/);
    await other.kill();
    assert.ok(works(`rm -f ${directory}/${FILE_NAME}-wal`));
    Deno.writeTextFileSync(`${directory}/${FILE_NAME}`, "no database ".repeat(1000));
    assert.match(await failure({ do: "check" }), /messages\.sqlite3 is damaged or no database/);
    await child.kill();
    for (const path of [directory, elsewhere]) Deno.removeSync(path, { recursive: true });
  },
);

test("openSqliteLog() names a directory that it may not write", FORBIDDEN, async () => {
  const directory = tempDirectory();
  Deno.chmodSync(directory, 0o555);
  // The superuser ignores permissions until this capability is dropped.
  const plain = 'test "$(id -u)" = 0 || exec "$@"; ';
  const wrapper = plain + 'exec setpriv --bounding-set=-dac_override,-dac_read_search "$@"';
  await using child = new Child(wrapper);
  for (const path of [directory, `${directory}/below`]) {
    const answer = await child.ask({ do: "open", directory: path, thread: "own" });
    assert.ok(!answer.ok);
    assert.equal(answer.code, "log_unavailable");
    assert.ok(answer.message.includes(path), answer.message);
  }
  Deno.chmodSync(directory, 0o755);
  assert.equal(await outcome(child, { do: "open", directory, thread: "own" }), "ok");
  await child.kill();
  Deno.removeSync(directory, { recursive: true });
});
