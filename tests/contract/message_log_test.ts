/**
 * The contract of `MessageLog`, for every log in `logs.ts`: publish, subscribe and read. Tests that need time or a
 * reopened log are in `message_log_time_test.ts`.
 *
 * @module
 */

import assert from "node:assert/strict";
import { parseMessageId } from "../../gateway/log/mod.ts";
import type { Audience, Draft, Json, LogQuery, Message, MessageLog } from "../../gateway/ports.ts";
import { LOGS } from "./logs.ts";
import { contract, EVERYONE, pages, readAll, toEveryone } from "./support.ts";

const ROOM: Draft = { channel: "room", author: "1", content: "to a channel" };
const ALICE: Draft = { user: "alice", author: "1", content: "to a user" };

for (const factory of LOGS) {
  const test = contract(factory);

  test("head() of a new log is its beginning, from which everything can be read", async ({ log }) => {
    const start = log.head();
    assert.deepEqual(parseMessageId(start.id)?.sequence, start.sequence);
    const published = await log.publish(toEveryone("a", "b"));
    assert.deepEqual(await readAll(log, { after: start.id }), published);
    assert.deepEqual(await readAll(log, { after: undefined }), published);
  });

  test("publish() gives drafts ids in order and the time of the clock", async ({ log, clock }) => {
    const drafts = [ROOM, ALICE, ...toEveryone("x")];
    const messages = await log.publish(drafts);
    assert.equal(messages.length, 3);
    const [first] = messages;
    messages.forEach((message, index) => {
      const { id, sequence, time, ...draft } = message;
      assert.deepEqual(draft, drafts[index]);
      assert.equal(sequence, first!.sequence + index);
      assert.deepEqual(parseMessageId(id), { epoch: parseMessageId(first!.id)?.epoch, sequence });
      assert.equal(time, clock.now());
    });
    assert.deepEqual(log.head(), { id: messages[2]!.id, sequence: messages[2]!.sequence });
  });

  test("publish() of nothing stores nothing and notifies no subscriber", async ({ log }) => {
    const start = log.head();
    log.subscribe(() => assert.fail("there is nothing to tell"));
    assert.deepEqual(await log.publish([]), []);
    assert.deepEqual(log.head(), start);
  });

  test("publish() keeps the order of the calls, and each call's messages together", async ({ log }) => {
    const heard: Message[] = [];
    log.subscribe((messages) => heard.push(...messages));
    const calls = Array.from({ length: 50 }, (_, call) => {
      return toEveryone(...Array.from({ length: call % 4 }, (_, part) => `${call}.${part}`));
    });
    const answers = await Promise.all(calls.map((drafts) => log.publish(drafts)));
    assert.deepEqual(heard.map(({ content }) => content), calls.flat().map((d) => d.content));
    assert.deepEqual(answers.flat(), heard);
    assert.deepEqual(await readAll(log), heard);
  });

  test("subscribe() hands a message on before its publish resolves", async ({ log }) => {
    const heard: string[] = [];
    log.subscribe((messages) => heard.push(...messages.map(({ id }) => id)));
    await Promise.all(["a", "b", "c"].map(async (content) => {
      for (const { id } of await log.publish(toEveryone(content, content))) {
        assert.ok(heard.includes(id));
      }
    }));
    assert.equal(log.head().id, heard.at(-1));
  });

  test("position() of an empty log is one from which a reader misses nothing", async ({ log }) => {
    const { id } = await log.position();
    assert.deepEqual(await readAll(log, { after: id }), []);
    await log.publish(toEveryone("first"));
    const after = await readAll(log, { after: id });
    assert.deepEqual(after.map(({ content }) => content), ["first"]);
  });

  test("position() is after what was published before, and before what follows", async ({ log }) => {
    await log.publish(toEveryone("before", "before"));
    const [last] = await log.publish([{ channel: "a", author: "1", content: "before" }]);
    const position = await log.position();
    assert.equal(position.id, last!.id);
    await log.publish(toEveryone("after"));
    const after = await readAll(log, { after: position.id });
    assert.deepEqual(after.map(({ content }) => content), ["after"]);
  });

  test("subscribe() begins at the head and ends when told", async ({ log }) => {
    const heard: Json[] = [];
    await log.publish(toEveryone("before"));
    const stop = log.subscribe((messages) => heard.push(...messages.map((m) => m.content)));
    await log.publish(toEveryone("during"));
    stop();
    stop();
    await log.publish(toEveryone("after"));
    assert.deepEqual(heard, ["during"]);
  });

  test("subscribe() takes the same listener twice as two", async ({ log }) => {
    let calls = 0;
    const listener = () => void calls++;
    const stop = log.subscribe(listener);
    log.subscribe(listener);
    await log.publish(toEveryone("a"));
    assert.equal(calls, 2);
    stop();
    await log.publish(toEveryone("b"));
    assert.equal(calls, 3);
  });

  test("a listener that throws is logged and stops no other", async ({ log, logger }) => {
    const heard: Json[] = [];
    log.subscribe(() => {
      throw new Error("a bug in a listener");
    });
    log.subscribe((messages) => heard.push(...messages.map(({ content }) => content)));
    await log.publish(toEveryone("a"));
    await log.publish(toEveryone("b"));
    assert.deepEqual(heard, ["a", "b"]);
    assert.equal(logger.messages("error").length, 2);
    assert.match(logger.text(), /a bug in a listener/);
  });

  test("a listener may publish, and those after it still hear in order", async ({ log }) => {
    const echoed = Promise.withResolvers<void>();
    const heard: Json[] = [];
    log.subscribe(([message]) => {
      if (message?.content === "a") log.publish(toEveryone("echo")).then(() => echoed.resolve());
    });
    log.subscribe((messages) => heard.push(...messages.map(({ content }) => content)));
    await log.publish(toEveryone("a"));
    await echoed.promise;
    assert.deepEqual(heard, ["a", "echo"]);
  });

  test("read() gives an audience what it may see, in order", async ({ log }) => {
    const published = await log.publish([
      ROOM,
      ALICE,
      { channel: "other", author: "1", content: 1 },
      { user: "bob", author: "1", content: 2 },
      { channel: "alice", author: "1", content: "a channel with a user's name" },
      { user: "room", author: "1", content: "a user with a channel's name" },
      ...toEveryone("all"),
      ROOM,
    ]);
    const cases: readonly (readonly [Audience, readonly number[]])[] = [
      [{ everyone: true, user: "alice", channels: ["room"] }, [0, 1, 6, 7]],
      [{ everyone: true, user: "alice", channels: ["room", "other", "room"] }, [0, 1, 2, 6, 7]],
      [{ everyone: false, channels: ["room"] }, [0, 7]],
      [{ everyone: false, user: "bob", channels: [] }, [3]],
      [{ everyone: true, channels: ["nobody"] }, [6]],
      [{ everyone: false, channels: [] }, []],
    ];
    for (const [audience, indices] of cases) {
      assert.deepEqual(await readAll(log, { audience }), indices.map((i) => published[i]));
    }
  });

  test("read() divides into pages that miss and repeat nothing", async ({ log }) => {
    const drafts = Array.from({ length: 60 }, (_, index): Draft => {
      return { channel: `c${index % 7}`, author: "1", content: "x".repeat(index * 5) };
    });
    const published = await log.publish(drafts);
    const audience = { everyone: true, channels: ["c0", "c1", "c2", "c4"] };
    const seen = published.filter(({ channel = "" }) => audience.channels.includes(channel));
    for (const limit of [1, 3, seen.length - 1, seen.length, seen.length + 1]) {
      for (const maxBytes of [1, 700, 3000, 1e6]) {
        const found = await pages(log, { audience, limit, maxBytes });
        assert.deepEqual(found.flatMap(({ messages }) => messages), seen);
        for (const { messages, more, upTo } of found) {
          assert.ok(messages.length <= limit);
          const bytes = messages.reduce((sum, message) => sum + JSON.stringify(message).length, 0);
          assert.ok(messages.length === 1 || bytes <= maxBytes);
          assert.equal(upTo.id, more ? messages.at(-1)?.id : log.head().id);
        }
      }
    }
  });

  test("read() is complete up to the head when nothing was for the audience", async ({ log }) => {
    await log.publish([ROOM, ROOM]);
    const query: LogQuery = { after: undefined, audience: EVERYONE, limit: 1, maxBytes: 1 };
    assert.deepEqual(await log.read(query), { messages: [], more: false, upTo: log.head() });
  });

  test("read() tells nothing that listeners have not heard", async ({ log }) => {
    let heard = log.head().sequence;
    log.subscribe((messages) => heard = messages.at(-1)!.sequence);
    const publishing: Promise<unknown>[] = [];
    const reading: Promise<void>[] = [];
    for (let round = 0; round < 30; round++) {
      publishing.push(log.publish(toEveryone("x")));
      reading.push(
        readAll(log).then((messages) => {
          assert.ok((messages.at(-1)?.sequence ?? 0) <= heard);
          assert.ok(log.head().sequence === heard);
        }),
      );
      await Promise.resolve();
    }
    await Promise.all([...publishing, ...reading]);
    assert.equal((await readAll(log)).length, 30);
  });

  test("read() says expired to an id that is not one of its own", async ({ log }) => {
    const [message] = await log.publish(toEveryone("a"));
    const { epoch = "", sequence = 0 } = parseMessageId(message!.id) ?? {};
    for (
      const after of [
        "",
        "-",
        epoch,
        `${epoch}-`,
        `${epoch}-${sequence + 1}`,
        `${epoch}-0${sequence}`,
        `${epoch}-+${sequence}`,
        `${epoch}--1`,
        `${epoch}-1.0`,
        `${epoch}-1e0`,
        `${epoch}-9007199254740992`,
        `${epoch}-${"9".repeat(400)}`,
        `${epoch}-${sequence} `,
        ` ${epoch}-${sequence}`,
        `${epoch}-${sequence}\n`,
        `${epoch}-١`,
        `${epoch.toUpperCase()}-${sequence}`,
        `x${epoch}-${sequence}`,
        `-${sequence}`,
        "constructor-1",
        "__proto__",
        "\ud800",
        "'; DROP TABLE message; --",
        "x".repeat(4000),
      ]
    ) {
      const answer = await log.read({ after, audience: EVERYONE, limit: 10, maxBytes: 1000 });
      assert.equal(answer, "expired", JSON.stringify(after));
    }
  });

  test("content, author and names come back as they were, as JSON", async ({ log }) => {
    let deep: Json = "bottom";
    for (let level = 0; level < 500; level++) deep = level % 2 === 0 ? [deep] : { deep };
    const contents: Json[] = [
      null,
      true,
      0,
      -1.5,
      1e300,
      5e-324,
      9007199254740993,
      "",
      "\0 \u2028 \u{1f600} é",
      "\ud800 alone",
      [],
      {},
      [[], [{}]],
      JSON.parse('{"__proto__":{"polluted":true},"constructor":1,"":2,"\\udfff":3,"2":4,"1":5}'),
      deep,
      "x".repeat(200_000),
    ];
    const names = ["", "\0", "\ud800", "\ud801", "'\"\\", "é", "e\u0301", "__proto__"];
    const drafts = [
      ...contents.map((content): Draft => ({ author: "1", content })),
      ...names.flatMap((name): Draft[] => [
        { channel: name, author: name, content: "c" },
        { user: name, author: name, content: "u" },
      ]),
    ];
    const published = await log.publish(drafts);
    const all = { everyone: true, channels: names };
    const found = await readAll(log, { audience: all });
    const expected = published.filter(({ user }) => user === undefined);
    assert.equal(JSON.stringify(found.map(shape)), JSON.stringify(expected.map(shape)));
    for (const name of names) {
      const audience = { everyone: false, user: name, channels: [] };
      const [message, ...rest] = await readAll(log, { audience });
      assert.deepEqual([message?.user, message?.author, rest.length], [name, name, 0]);
    }
    assert.equal(Reflect.get({}, "polluted"), undefined);
  });

  test("check() resolves while all is well", async ({ log }) => {
    await log.check();
    await log.check();
  });

  test("close() lets what is being published finish, and is the end", async ({ log }) => {
    const heard: Json[] = [];
    log.subscribe((messages) => heard.push(...messages.map(({ content }) => content)));
    const publishing = Promise.all(["a", "b", "c"].map((text) => log.publish(toEveryone(text))));
    await Promise.all([log.close(), log.close()]);
    await publishing;
    assert.deepEqual(heard, ["a", "b", "c"]);
    await assertClosed(log);
  });
}

async function assertClosed(log: MessageLog): Promise<void> {
  const closed = { name: "OperationalError", code: "log_closed" };
  await assert.rejects(log.publish(toEveryone("late")), closed);
  await assert.rejects(log.publishOnce({ key: "k", digest: "d" }, toEveryone("late")), closed);
  await assert.rejects(readAll(log), closed);
  await assert.rejects(log.check(), closed);
}

/** A message with its fields in one order. */
function shape({ id, channel, user, author, content, time }: Message): Json {
  return [id, channel ?? null, user ?? null, author, content, time];
}
