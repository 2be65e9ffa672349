/**
 * Group commits of the SQLite log, over a store that the test delays and fails.
 *
 * @module
 */

import assert from "node:assert/strict";
import { OperationalError } from "../../gateway/errors.ts";
import { type AppendRequest, inOwnThread, openLogOn, type Store } from "../../gateway/log/mod.ts";
import { SqliteStore } from "../../gateway/log/sqlite/store.ts";
import { inWorker } from "../../gateway/log/sqlite/worker_client.ts";
import type { Draft, Json, MessageLog } from "../../gateway/ports.ts";
import { FakeClock, settle } from "../../mock/doubles/clock.ts";
import { FakeLogger } from "../../mock/doubles/logger.ts";
import { needs, testUnless } from "../permissions.ts";
import { tempDirectory } from "./support/temp_directory.ts";

const test = testUnless(needs("read", "write"));

/** A log over a store whose calls a test can delay or fail. */
interface Bench extends AsyncDisposable {
  readonly log: MessageLog;
  readonly clock: FakeClock;
  readonly logger: FakeLogger;
  /** Each appended group, as the numbers of messages of its publishes. */
  readonly groups: number[][];
  /** While set, calls wait for it. */
  hold: Promise<void> | undefined;
  /** While set, answers of calls wait for it. */
  holdAnswer: Promise<void> | undefined;
  /** While set, calls fail with it. */
  failure: OperationalError | undefined;
  /** Contents that listeners received. */
  readonly heard: Json[];
}

async function setUp(options: { readonly maxWaitingBytes?: number } = {}): Promise<Bench> {
  const directory = tempDirectory();
  const [clock, logger] = [new FakeClock(), new FakeLogger()];
  const limits = { retentionMs: 1e9, retentionBytes: 2 ** 30 };
  const store = inOwnThread(new SqliteStore({ directory, sync: "full", epoch: "e", ...limits }));
  async function gated<T>(work: () => Promise<T>): Promise<T> {
    await bench.hold;
    if (bench.failure !== undefined) throw bench.failure;
    const answer = await work();
    await bench.holdAnswer;
    return answer;
  }
  const broken: Store = {
    ...store,
    append: (requests, now) => {
      bench.groups.push(requests.map(({ rows }) => rows.length));
      return gated(() => store.append(requests, now));
    },
    check: (now) => gated(() => store.check(now)),
  };
  const log = await openLogOn(broken, { clock, logger, ...options });
  const bench: Bench = {
    log,
    clock,
    logger,
    groups: [],
    hold: undefined,
    holdAnswer: undefined,
    failure: undefined,
    heard: [],
    [Symbol.asyncDispose]: async () => {
      await log.close();
      Deno.removeSync(directory, { recursive: true });
    },
  };
  log.subscribe((messages) => bench.heard.push(...messages.map(({ content }) => content)));
  return bench;
}

function drafts(count: number, content: Json = "x"): Draft[] {
  return Array.from({ length: count }, () => ({ author: "1", content }));
}

function hold(bench: Bench): () => void {
  const { promise, resolve } = Promise.withResolvers<void>();
  bench.hold = promise;
  return () => {
    bench.hold = undefined;
    resolve();
  };
}

test("publish() joins what comes in one turn, and what comes during a commit", async () => {
  await using bench = await setUp();
  const release = hold(bench);
  const first = [1, 2, 3].map((count) => bench.log.publish(drafts(count)));
  await settle();
  const second = [4, 5].map((count) => bench.log.publish(drafts(count)));
  await settle();
  const third = bench.log.publish(drafts(6));
  await settle();
  assert.deepEqual(bench.groups, [[1, 2, 3]], "one commit at a time");
  release();
  await Promise.all([...first, ...second, third]);
  assert.deepEqual(bench.groups, [[1, 2, 3], [4, 5, 6]]);
  assert.equal(bench.log.head().sequence, 21);
});

test("read() does not find what listeners have not heard of yet", async () => {
  await using bench = await setUp();
  await bench.log.publish(drafts(1, "old"));
  const { promise, resolve } = Promise.withResolvers<void>();
  bench.holdAnswer = promise;
  const publishing = bench.log.publish(drafts(1, "new"));
  await settle();
  const audience = { everyone: true, channels: [] };
  const query = { after: undefined, audience, limit: 10, maxBytes: 1e6 };
  const [page, head] = [await bench.log.read(query), bench.log.head()];
  assert.ok(page !== "expired");
  assert.deepEqual(page.messages.map(({ content }) => content), ["old"]);
  assert.deepEqual(page.upTo, head);
  bench.holdAnswer = undefined;
  resolve();
  await publishing;
  const later = await bench.log.read({ ...query, after: page.upTo.id });
  assert.ok(later !== "expired");
  assert.deepEqual(later.messages.map(({ content }) => content), ["new"]);
});

test("publish() keeps a group small, and a publish in one", async () => {
  await using bench = await setUp();
  await Promise.all([600, 300, 300, 1500, 1, 1].map((count) => bench.log.publish(drafts(count))));
  assert.deepEqual(bench.groups, [[600, 300], [300], [1500], [1, 1]]);
  bench.groups.length = 0;
  const large = "x".repeat(3 * 1024 * 1024);
  await Promise.all([1, 2, 1].map((count) => bench.log.publish(drafts(count, large))));
  assert.deepEqual(bench.groups, [[1], [2], [1]]);
});

test("publish() refuses what would wait in too long a queue", async () => {
  await using bench = await setUp({ maxWaitingBytes: 10_000 });
  const release = hold(bench);
  const waiting = [bench.log.publish(drafts(1, "x".repeat(20_000)))];
  await settle();
  const overloaded = { name: "OperationalError", code: "log_overloaded" };
  await assert.rejects(bench.log.publish(drafts(1)), overloaded);
  release();
  await Promise.all(waiting);
  // The first is always accepted, whatever its size; after that, bytes count.
  const small = Array.from({ length: 50 }, () => bench.log.publish(drafts(1, "x".repeat(1000))));
  const outcomes = await Promise.allSettled(small);
  assert.equal(outcomes.filter(({ status }) => status === "fulfilled").length, 8);
  await bench.log.publish(drafts(1));
});

test("publish() that the store fails is rejected, unheard, and no obstacle", async () => {
  await using bench = await setUp();
  bench.failure = new OperationalError("log_unavailable", "the disk is full", { cause: "ENOSPC" });
  for (let attempt = 0; attempt < 3; attempt++) {
    const publishes = [1, 2].map((count) => bench.log.publish(drafts(count, "lost")));
    for (const { status } of await Promise.allSettled(publishes)) assert.equal(status, "rejected");
    await assert.rejects(bench.log.publish(drafts(1)), bench.failure);
  }
  assert.equal(bench.log.head().sequence, 0);
  assert.deepEqual(bench.logger.messages("error"), ["the log cannot be used"], "said once");
  assert.match(bench.logger.text(), /the disk is full/);
  bench.failure = undefined;
  await bench.log.publish(drafts(1, "stored"));
  assert.deepEqual(bench.heard, ["stored"]);
  assert.deepEqual(bench.logger.messages("info"), ["the log can be used again"]);
});

test("check() asks the store at most twice a second, and recovers with it", async () => {
  await using bench = await setUp();
  await bench.log.check();
  bench.failure = new OperationalError("log_unavailable", "the disk is full");
  await bench.log.check();
  await bench.clock.advance(500);
  await assert.rejects(bench.log.check(), bench.failure);
  bench.failure = undefined;
  await bench.clock.advance(499);
  await assert.rejects(bench.log.check(), { code: "log_unavailable" });
  await bench.clock.advance(1);
  await bench.log.check();
});

test("check() does not wait for a disk that hangs", async () => {
  await using bench = await setUp();
  const release = hold(bench);
  const checking = assert.rejects(bench.log.check(), { code: "log_unavailable" });
  await bench.clock.advance(5000);
  await checking;
  release();
  await bench.clock.advance(1000);
  await bench.log.check();
});

test("close() waits for the commit that is running and for what waits", async () => {
  await using bench = await setUp();
  const release = hold(bench);
  const first = bench.log.publish(drafts(1, "first"));
  await settle();
  const second = bench.log.publish(drafts(1, "second"));
  let closed = false;
  const closing = bench.log.close().then(() => closed = true);
  await settle();
  assert.equal(closed, false);
  release();
  await Promise.all([first, second, closing]);
  assert.deepEqual(bench.heard, ["first", "second"]);
  assert.equal(bench.clock.pending, 0, "no timer is left");
});

test("SqliteStore fails the one request of a group that cannot be stored", () => {
  const directory = tempDirectory();
  const limits = { retentionMs: 1e9, retentionBytes: 2 ** 30 };
  const store = new SqliteStore({ directory, sync: "full", epoch: "e", ...limits });
  store.open();
  const good = (body: string): AppendRequest => ({
    rows: [{ topic: "everyone", body }, { topic: "everyone", body }],
    once: undefined,
  });
  const bad: AppendRequest = {
    // The types forbid it, so it stands in for a bug.
    rows: [{ topic: "everyone", body: "half" }, { topic: "everyone", body: {} as string }],
    once: { key: "k", digest: "d" },
  };
  const { outcomes } = store.append([good("a"), bad, good("b"), bad], { wall: 5, steady: 5 });
  assert.deepEqual(outcomes.map(({ kind }) => kind), ["stored", "failed", "stored", "failed"]);
  assert.ok(outcomes[1]?.kind === "failed");
  assert.equal(outcomes[1].failure.code, undefined, "a bug, and not the disk");
  const read = { after: 0, through: 100, topics: ["everyone"], limit: 10, maxBytes: 1e6 };
  const page = store.read(read);
  assert.ok(page !== "expired");
  assert.deepEqual(page.rows.map(({ sequence, body }) => [sequence, body]), [
    [1, "a"],
    [2, "a"],
    [3, "b"],
    [4, "b"],
  ]);
  store.close();
  Deno.removeSync(directory, { recursive: true });
});

Deno.test("inWorker() rejects what was asked of a thread that has ended, and what is asked later", async () => {
  // The types forbid it, so it stands in for a bug that ends the thread.
  const store = inWorker(undefined as never);
  const ended = { name: "OperationalError", code: "log_unavailable", message: /thread/ };
  await Promise.all([
    assert.rejects(store.open(), ended),
    assert.rejects(store.check({ wall: 1, steady: 1 }), ended),
  ]);
  await assert.rejects(store.append([], { wall: 1, steady: 1 }), ended);
  await assert.rejects(store.close(), ended);
});
