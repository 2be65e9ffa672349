/**
 * The contract of `MessageLog`, for every log in `logs.ts`: retention, idempotency and reopening.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Message } from "../../gateway/ports.ts";
import { type Fixture, LOGS, RETENTION_MS } from "./logs.ts";
import { contract, EVERYONE, readAll, toEveryone } from "./support.ts";

const KEY = { key: "order-1", digest: "digest-1" };
const DAY_MS = 24 * 60 * 60 * 1000;

async function after(fixture: Fixture, message: Pick<Message, "id">): Promise<string | number> {
  const query = { after: message.id, audience: EVERYONE, limit: 100, maxBytes: 1e6 };
  const page = await fixture.log.read(query);
  return page === "expired" ? page : page.messages.length;
}

/** Lets time pass, and then all work that it started. */
async function pass(fixture: Fixture, ms: number): Promise<void> {
  await fixture.clock.advance(ms);
  // The worker answers this after the pruning that the clock started.
  await fixture.log.check();
}

for (const factory of LOGS) {
  const test = contract(factory);
  const testTime = contract(factory, "realTime");
  const testOpening = contract(factory, "forgets");
  const testTimeAndOpening = contract(factory, "forgets", "realTime");

  testTime("times follow the wall clock back, and ids still order messages", async (fixture) => {
    const { log, clock } = fixture;
    const start = log.head();
    clock.jumpWall(365 * DAY_MS);
    const [first] = await log.publish(toEveryone("ahead"));
    clock.jumpWall(-365 * DAY_MS);
    const [second] = await log.publish(toEveryone("right"));
    assert.equal(second!.time, clock.now());
    assert.equal(second!.time, first!.time - 365 * DAY_MS);
    assert.ok(second!.sequence > first!.sequence);
    assert.deepEqual(await readAll(log), [first, second]);
    assert.equal(await after(fixture, start), 2);
  });

  testTime("a revocation holds for 720 hours by the wall clock", async ({ log, clock }) => {
    const issuedBefore = clock.now() + 1000;
    await log.revocations.revoke({ user: "alice", issuedBefore });
    const isRevoked = () => log.revocations.isRevoked({ user: "alice", issuedAt: 0 });
    clock.jumpWall(30 * DAY_MS);
    assert.equal(isRevoked(), true);
    clock.jumpWall(1000);
    assert.equal(isRevoked(), false);
    await log.revocations.revoke({ user: "bob", issuedBefore: clock.now() });
    assert.equal(log.revocations.isRevoked({ user: "bob", issuedAt: 0 }), true);
  });

  testOpening("revocations are known after the log is reopened", async (fixture) => {
    const { clock } = fixture;
    const users = ["alice", "üser 😀", "a/b.*>"];
    const issuedBefore = Math.floor(clock.now());
    for (const user of users) await fixture.log.revocations.revoke({ user, issuedBefore });
    await fixture.log.revocations.revoke({ user: "alice", issuedBefore: issuedBefore + 1000 });
    await fixture.reopen();
    const { revocations } = fixture.log;
    const isRevoked = (user: string, issuedAt: number) => revocations.isRevoked({ user, issuedAt });
    for (const user of users) assert.equal(isRevoked(user, issuedBefore - 1), true, user);
    assert.deepEqual([isRevoked("alice", issuedBefore), isRevoked("alice", issuedBefore + 1000)], [
      true,
      false,
    ]);
    assert.deepEqual([isRevoked("a/b.*>", issuedBefore), isRevoked("bob", 0)], [false, false]);
    await fixture.log.revocations.revoke({ user: "alice", issuedBefore });
    await fixture.reopen();
    const { revocations: again } = fixture.log;
    const token = { user: "alice", issuedAt: issuedBefore };
    assert.equal(again.isRevoked(token), true, "an earlier one undoes nothing");
  });

  test("revoke() is refused once the log is closed", async ({ log }) => {
    await log.close();
    const revoking = log.revocations.revoke({ user: "alice", issuedBefore: 1 });
    await assert.rejects(revoking, { code: "log_closed" });
  });

  test("times follow the clock of the gateway back", async ({ log, clock }) => {
    const [first] = await log.publish(toEveryone("ahead"));
    clock.jumpWall(-DAY_MS);
    const before = clock.now();
    const [second] = await log.publish(toEveryone("right"));
    assert.ok(second!.time >= Math.floor(before) && second!.time <= clock.now());
    assert.ok(second!.time < first!.time && second!.sequence > first!.sequence);
  });

  testTime(
    "a clock that was ahead or behind once changes nothing about retention",
    async (fixture) => {
      const { log, clock } = fixture;
      const start = log.head();
      for (const offMs of [365 * DAY_MS, -365 * DAY_MS]) {
        clock.jumpWall(offMs);
        await log.publish(toEveryone("off"));
        await pass(fixture, 60_000);
        clock.jumpWall(-offMs);
        await log.publish(toEveryone("right"));
      }
      await pass(fixture, RETENTION_MS / 2);
      assert.equal(await after(fixture, start), 4, "nothing goes early");
      await pass(fixture, RETENTION_MS / 2 + 60_000);
      assert.equal(await after(fixture, start), "expired");
      assert.deepEqual(await readAll(log), [], "and nothing stays");
    },
  );

  testTime("a clock that was ahead once prolongs no idempotency key", async (fixture) => {
    const { log, clock } = fixture;
    clock.jumpWall(365 * DAY_MS);
    await log.publishOnce(KEY, toEveryone("a"));
    clock.jumpWall(-365 * DAY_MS);
    await pass(fixture, DAY_MS - 1);
    assert.equal((await log.publishOnce(KEY, toEveryone("a"))).repeated, true);
    await pass(fixture, 1);
    assert.equal((await log.publishOnce(KEY, toEveryone("a"))).repeated, false);
  });

  testTimeAndOpening(
    "a clock that was ahead once is forgotten after a restart",
    async (fixture) => {
      const start = fixture.log.head();
      fixture.clock.jumpWall(365 * DAY_MS);
      await fixture.log.publishOnce(KEY, toEveryone("ahead"));
      fixture.clock.jumpWall(-365 * DAY_MS);
      await fixture.reopen();
      const [next] = await fixture.log.publish(toEveryone("right"));
      assert.equal(next!.time, fixture.clock.now());
      await pass(fixture, RETENTION_MS + 60_000);
      assert.equal(await after(fixture, start), "expired");
      assert.deepEqual(await readAll(fixture.log), []);
      await pass(fixture, DAY_MS);
      const { repeated } = await fixture.log.publishOnce(KEY, toEveryone("again"));
      assert.equal(repeated, false);
    },
  );

  testTime("times are whole milliseconds", async ({ log, clock }) => {
    clock.jumpWall(0.75);
    const [message] = await log.publish(toEveryone("a"));
    assert.equal(message?.time, Math.floor(clock.now()));
  });

  testTime("messages go when they are too old, and ids before them expire", async (fixture) => {
    const { log } = fixture;
    const start = log.head();
    const [first] = await log.publish(toEveryone("first"));
    await pass(fixture, RETENTION_MS / 2);
    const [second] = await log.publish(toEveryone("second"));
    assert.equal(await after(fixture, start), 2);
    await pass(fixture, RETENTION_MS / 2 + 60_000);
    assert.equal(await after(fixture, start), "expired");
    assert.equal(await after(fixture, first!), 1, "nothing after the first is gone");
    assert.deepEqual(await readAll(log), [second]);
    await pass(fixture, RETENTION_MS);
    assert.equal(await after(fixture, first!), "expired");
    assert.equal(await after(fixture, second!), 0);
    assert.equal(log.head().id, second!.id);
    const [third] = await log.publish(toEveryone("third"));
    assert.ok(third!.sequence > second!.sequence);
    assert.equal(await after(fixture, second!), 1);
  });

  testTime("messages stay until they are too old", async (fixture) => {
    const start = fixture.log.head();
    await fixture.log.publish(toEveryone("a"));
    await pass(fixture, RETENTION_MS - 1);
    assert.equal(await after(fixture, start), 1);
  });

  test("publishOnce() gives a repetition the first answer and publishes once", async ({ log }) => {
    let heard = 0;
    log.subscribe((messages) => heard += messages.length);
    const first = await log.publishOnce(KEY, toEveryone("a", "b"));
    assert.equal(first.repeated, false);
    const [a, b] = await readAll(log);
    assert.deepEqual(
      first.messages,
      [a, b].map((message) => {
        return { id: message!.id, time: message!.time };
      }),
    );
    const again = await log.publishOnce(KEY, toEveryone("a", "b"));
    assert.deepEqual(again, { messages: first.messages, repeated: true });
    assert.equal(heard, 2);
  });

  test("publishOnce() publishes once when repetitions come together", async ({ log }) => {
    const answers = await Promise.all(Array.from({ length: 20 }, (_, index) => {
      return log.publishOnce({ key: `key ${index % 2}`, digest: "d" }, toEveryone("a", "b"));
    }));
    assert.equal(answers.filter(({ repeated }) => !repeated).length, 2);
    answers.forEach((answer, index) => {
      assert.deepEqual(answer.messages, answers[index % 2]!.messages);
    });
    assert.equal((await readAll(log)).length, 4);
  });

  test("publishOnce() refuses a key that came with another digest", async ({ log }) => {
    const reused = { name: "OperationalError", code: "idempotency_key_reused" };
    const other = { ...KEY, digest: "digest-2" };
    const [first, second, third] = await Promise.allSettled([
      log.publishOnce(KEY, toEveryone("a")),
      log.publishOnce(other, toEveryone("b")),
      log.publish(toEveryone("c")),
    ]);
    assert.deepEqual([first.status, third.status], ["fulfilled", "fulfilled"]);
    assert.ok(second.status === "rejected");
    assert.equal(second.reason.code, "idempotency_key_reused");
    await assert.rejects(log.publishOnce(other, toEveryone("b")), reused);
    assert.deepEqual((await readAll(log)).map(({ content }) => content), ["a", "c"]);
  });

  test("publishOnce() takes keys as they are", async ({ log }) => {
    for (const key of ["a", "A", " a", "", "'", "\0", "é", "\ud800", "\ud801", "__proto__"]) {
      const { repeated } = await log.publishOnce({ key, digest: "d" }, toEveryone(key));
      assert.equal(repeated, false, JSON.stringify(key));
    }
  });

  test("publishOnce() of nothing is repeated like any other", async ({ log }) => {
    assert.deepEqual(await log.publishOnce(KEY, []), { messages: [], repeated: false });
    assert.deepEqual(await log.publishOnce(KEY, []), { messages: [], repeated: true });
  });

  testTime("publishOnce() remembers for 24 hours, longer than the messages", async (fixture) => {
    const { log, clock } = fixture;
    // So that retention does not run at the end of the 24 hours.
    await pass(fixture, 1234);
    const first = await log.publishOnce(KEY, toEveryone("a"));
    await pass(fixture, DAY_MS - 1);
    assert.deepEqual(await readAll(log), []);
    const repeated = { messages: first.messages, repeated: true };
    assert.deepEqual(await log.publishOnce(KEY, toEveryone("a")), repeated);
    // The repetition did not extend it.
    await clock.advance(1);
    const next = await log.publishOnce({ ...KEY, digest: "digest-2" }, toEveryone("b"));
    assert.equal(next.repeated, false);
    assert.notDeepEqual(next.messages, first.messages);
    assert.equal(next.messages[0]?.time, clock.now());
  });

  testTime("publishOnce() remembers while the wall clock is set back", async ({ log, clock }) => {
    const first = await log.publishOnce(KEY, toEveryone("a"));
    clock.jumpWall(-2 * DAY_MS);
    const again = await log.publishOnce(KEY, toEveryone("a"));
    assert.deepEqual(again, { messages: first.messages, repeated: true });
  });

  testOpening("opening again finds messages, ids and keys", async (fixture) => {
    const start = fixture.log.head();
    const published = await fixture.log.publish(toEveryone("a", "b", "c"));
    const once = await fixture.log.publishOnce(KEY, toEveryone("once"));
    const head = fixture.log.head();
    await fixture.reopen();
    const { log } = fixture;
    assert.deepEqual(log.head(), head);
    assert.deepEqual((await readAll(log)).slice(0, 3), published);
    assert.equal(await after(fixture, start), 4);
    assert.equal(await after(fixture, published[1]!), 2);
    const again = await log.publishOnce(KEY, toEveryone("once"));
    assert.deepEqual(again, { messages: once.messages, repeated: true });
    const [next] = await log.publish(toEveryone("next"));
    assert.ok(next!.sequence > head.sequence);
    assert.equal(await after(fixture, head), 1);
  });

  testTimeAndOpening(
    "opening again finds what has expired, when nothing is left",
    async (fixture) => {
      const start = fixture.log.head();
      const [message] = await fixture.log.publish(toEveryone("a"));
      await pass(fixture, RETENTION_MS + 60_000);
      fixture.clock.jumpWall(-10 * RETENTION_MS);
      await fixture.reopen();
      assert.equal(await after(fixture, start), "expired");
      assert.equal(await after(fixture, message!), 0);
      const [next] = await fixture.log.publish(toEveryone("b"));
      assert.ok(next!.sequence > message!.sequence);
      assert.equal(next!.time, fixture.clock.now());
    },
  );

  testTimeAndOpening("opening again forgets what became too old meanwhile", async (fixture) => {
    const start = fixture.log.head();
    await fixture.log.publish(toEveryone("a"));
    fixture.clock.jumpWall(RETENTION_MS);
    await fixture.reopen();
    await fixture.log.check();
    assert.equal(await after(fixture, start), "expired");
  });
}
