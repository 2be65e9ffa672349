/**
 * `POST /messages`: stored messages, refused ones, and keys that publish once.
 *
 * @module
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import { OperationalError } from "../../gateway/errors.ts";
import type { Draft, Message, MessageLog } from "../../gateway/ports.ts";
import { createFixture, type Fixture } from "./http_fixture.ts";

const HELLO = { channel: "general", author: "7", content: { text: "hello" } };

/** All messages that subscribers of the log received. */
function storedIn(fixture: Fixture): Message[] {
  const messages: Message[] = [];
  fixture.log.subscribe((batch) => void messages.push(...batch));
  return messages;
}

Deno.test("POST /messages answers an object with an object and stores the message", async () => {
  const fixture = createFixture();
  const messages = storedIn(fixture);
  const answer = await fixture.call("POST", "/messages", { body: HELLO });
  assert.equal(answer.status, 201);
  assert.equal(answer.headers.get("content-type"), "application/json");
  const [message] = messages;
  assert.deepEqual(answer.json, { id: message?.id, time: fixture.clock.now() });
  assert.deepEqual({ ...message }, { ...HELLO, ...answer.json, sequence: message?.sequence });
  assert.deepEqual(fixture.counts, [1]);
});

Deno.test("POST /messages answers an array with an array, even of one", async () => {
  const fixture = createFixture();
  const messages = storedIn(fixture);
  const everyone = { author: "7", content: null };
  const alice = { user: "alice", author: "7", content: [1, "two", false] };
  const answer = await fixture.call("POST", "/messages", { body: [HELLO, everyone, alice] });
  assert.equal(answer.status, 201);
  assert.deepEqual(answer.json, messages.map(({ id, time }) => ({ id, time })));
  assert.deepEqual(messages.map(({ channel, user }) => [channel, user]), [
    ["general", undefined],
    [undefined, undefined],
    [undefined, "alice"],
  ]);
  const one = await fixture.call("POST", "/messages", { body: [HELLO] });
  assert.equal(one.json.length, 1);
  assert.deepEqual(fixture.counts, [3, 1]);
});

Deno.test("POST /messages answers only once the log has stored the message", async () => {
  const { promise, resolve } = Promise.withResolvers<readonly Message[]>();
  const { log } = createFixture();
  const slow: MessageLog = { ...log, publish: () => promise };
  const fixture = createFixture({ log: slow });
  let answered = false;
  const answer = fixture.call("POST", "/messages", { body: HELLO }).then((answer) => {
    answered = true;
    return answer;
  });
  await fixture.clock.advance(1000);
  assert.equal(answered, false);
  resolve([{ ...HELLO, id: "e-1", sequence: 1, time: 5 }]);
  assert.deepEqual((await answer).json, { id: "e-1", time: 5 });
});

/** Invalid bodies, with the pointer and the detail of the first fault. */
const INVALID: readonly (readonly [string, unknown, string, RegExp])[] = [
  ["a string", '"hello"', "#", /expected object, received string/],
  ["null", "null", "#", /expected object, received null/],
  ["an empty array", [], "#", />=1 item/],
  ["1001 messages", Array(1001).fill(HELLO), "#", /1001, expected at most 1000/],
  ["no author", { content: 1 }, "#/author", /is missing, expected string/],
  ["no content", { author: "7" }, "#/content", /is missing, expected any JSON/],
  ["a number as author", { author: 7, content: 1 }, "#/author", /expected string, received number/],
  ["an empty author", { author: "", content: 1 }, "#/author", /1 to 255 characters/],
  ["an author that is too long", { author: "a".repeat(256), content: 1 }, "#/author", /1 to 255/],
  ["a control character", { ...HELLO, channel: "a\nb" }, "#/channel", /control characters/],
  ["half a surrogate pair", { ...HELLO, channel: "\ud83d" }, "#/channel", /lone surrogates/],
  ["a channel that no URL can hold", { ...HELLO, channel: ".." }, "#/channel", /not \. or \.\./],
  ["null as channel", { ...HELLO, channel: null }, "#/channel", /expected string, received null/],
  ["channel and user", { ...HELLO, user: "alice" }, "#", /channel and user together/],
  [
    "a misspelt channel",
    { chanel: "x", author: "7", content: 1 },
    "#/chanel",
    /Unrecognized key: "chanel", expected channel, user, author, content$/,
  ],
  ["a prototype", '{"__proto__":{},"author":"7","content":1}', "#/__proto__", /Unrecognized key/],
  ["a key to escape", { "a/b~ c": 1, ...HELLO }, "#/a~1b~0%20c", /Unrecognized key/],
  ["a wrong second message", [HELLO, { ...HELLO, author: 1 }], "#/1/author", /received number/],
  ["an array in an array", [[HELLO]], "#/0", /expected object, received array/],
];

for (const [name, body, pointer, detail] of INVALID) {
  Deno.test(`POST /messages refuses ${name} and says where`, async () => {
    const fixture = createFixture();
    const messages = storedIn(fixture);
    const answer = await fixture.call("POST", "/messages", { body });
    assert.equal(answer.status, 400);
    assert.equal(answer.json.code, "invalid_body");
    assert.equal(answer.json.errors[0].pointer, pointer);
    assert.match(answer.json.errors[0].detail, detail);
    assert.deepEqual(messages, [], "nothing is stored of a refused request");
  });
}

Deno.test("POST /messages lists at most ten faults, and none at length", async () => {
  const { call } = createFixture();
  const many = await call("POST", "/messages", { body: Array(1000).fill({ author: 1 }) });
  assert.equal(many.json.errors.length, 10);
  const long = await call("POST", "/messages", { body: { ["k".repeat(100_000)]: 1, ...HELLO } });
  assert.equal(long.status, 400);
  assert.ok(long.text.length < 2000);
});

Deno.test("POST /messages counts a name in characters", async () => {
  const { call } = createFixture();
  const body = { ...HELLO, channel: "😀".repeat(255), author: "é".repeat(255) };
  assert.equal((await call("POST", "/messages", { body })).status, 201);
});

Deno.test("POST /messages refuses a number that would come out as another value", async () => {
  const { call } = createFixture();
  for (const content of ["1e400", "[-1e999]", '{"a":{"b":1e309}}']) {
    const answer = await call("POST", "/messages", { body: `{"author":"7","content":${content}}` });
    assert.equal(answer.status, 400, content);
    assert.match(answer.json.errors[0].detail, /larger than 1.8e308/);
  }
  const body = '{"author":"7","content":1.7976931348623157e308}';
  assert.equal((await call("POST", "/messages", { body })).status, 201);
});

/** Nested arrays. */
function nested(levels: number): string {
  return "[".repeat(levels) + "]".repeat(levels);
}

Deno.test("POST /messages takes 64 levels of content and refuses 65 and 100,000", async () => {
  const { call } = createFixture();
  const send = (content: string) =>
    call("POST", "/messages", { body: `{"author":"7","content":${content}}` });
  assert.equal((await send(nested(64))).status, 201);
  for (const levels of [65, 100_000]) {
    const answer = await send(nested(levels));
    assert.equal(answer.status, 400);
    assert.deepEqual(answer.json.errors, [
      { pointer: "#/content", detail: "is nested deeper than 64 levels" },
    ]);
  }
  for (const body of [nested(100_000), `{"author":${nested(100_000)},"content":1}`]) {
    const answer = await call("POST", "/messages", { body });
    assert.equal(answer.json.code, "invalid_body");
  }
});

Deno.test("POST /messages takes a message of 64 KiB of JSON, not one byte more", async () => {
  const { call } = createFixture();
  const frame = JSON.stringify({ author: "7", content: "" }).length;
  const full = { author: "7", content: "x".repeat(64 * 1024 - frame) };
  assert.equal((await call("POST", "/messages", { body: full })).status, 201);
  const over = { author: "7", content: full.content + "x" };
  const answer = await call("POST", "/messages", { body: [HELLO, over] });
  assert.equal(answer.status, 413);
  assert.equal(answer.json.code, "message_too_large");
  assert.equal(answer.json.errors[0].pointer, "#/1");
});

Deno.test("POST /messages measures a message as it will be sent, not as it came", async () => {
  const { call } = createFixture({ maxMessageBytes: 500 });
  // Five bytes each, which become 22.
  const body = `{"author":"7","content":[${Array(30).fill("1e20").join(",")}]}`;
  assert.ok(body.length < 200);
  assert.equal((await call("POST", "/messages", { body })).json.code, "message_too_large");
});

Deno.test("POST /messages stores any JSON content as it was", async () => {
  const fixture = createFixture();
  const messages = storedIn(fixture);
  await fc.assert(
    fc.asyncProperty(fc.jsonValue({ maxDepth: 8 }), async (content) => {
      const sent = JSON.stringify({ author: "7", content });
      const answer = await fixture.call("POST", "/messages", { body: sent });
      assert.equal(answer.status, 201);
      assert.equal(
        JSON.stringify(messages.at(-1)?.content),
        JSON.stringify(JSON.parse(sent).content),
      );
    }),
    { numRuns: 100 },
  );
});

Deno.test("Idempotency-Key publishes once and gives the same answer again", async () => {
  const fixture = createFixture();
  const messages = storedIn(fixture);
  const headers = { "idempotency-key": "order-1" };
  const send = (body: unknown) => fixture.call("POST", "/messages", { body, headers });
  const [first, concurrent] = await Promise.all([send(HELLO), send(HELLO)]);
  const later = await send(HELLO);
  assert.deepEqual([first.status, concurrent.status, later.status], [201, 201, 201]);
  assert.deepEqual(concurrent.json, first.json);
  assert.deepEqual(later.json, first.json);
  assert.equal(first.headers.get("idempotency-replayed"), null);
  assert.equal(later.headers.get("idempotency-replayed"), "true");
  assert.equal(messages.length, 1);
  assert.deepEqual(fixture.counts, [1], "a repetition is not counted as published");
});

Deno.test("Idempotency-Key with another body is 422, an array for an object included", async () => {
  const fixture = createFixture();
  const headers = { "idempotency-key": "order-1" };
  await fixture.call("POST", "/messages", { body: HELLO, headers });
  for (const body of [{ ...HELLO, author: "8" }, [HELLO]]) {
    const answer = await fixture.call("POST", "/messages", { body, headers });
    assert.equal(answer.status, 422);
    assert.equal(answer.json.code, "idempotency_key_reused");
  }
  assert.deepEqual(fixture.logger.lines, [], "a backend's mistake is no news for the operator");
});

Deno.test("Idempotency-Key of a refused body is still free", async () => {
  const { call } = createFixture();
  const headers = { "idempotency-key": "order-1" };
  assert.equal((await call("POST", "/messages", { body: {}, headers })).status, 400);
  assert.equal((await call("POST", "/messages", { body: HELLO, headers })).status, 201);
});

Deno.test("Idempotency-Key is 1 to 255 visible ASCII characters", async () => {
  const { call } = createFixture();
  for (const key of ["", "a b", "é", "k".repeat(256)]) {
    const headers = { "idempotency-key": key };
    const answer = await call("POST", "/messages", { body: HELLO, headers });
    assert.equal(answer.status, 400, JSON.stringify(key));
    assert.equal(answer.json.code, "invalid_idempotency_key");
  }
  for (const key of ["k", "!~".repeat(127)]) {
    const headers = { "idempotency-key": key };
    assert.equal((await call("POST", "/messages", { body: HELLO, headers })).status, 201);
  }
});

Deno.test("POST /messages answers 503 with Retry-After when the log fails, and says so once", async () => {
  const failing = (code: "log_unavailable" | "log_overloaded" | "log_closed") => (
    (_drafts: readonly Draft[]): Promise<never> =>
      Promise.reject(new OperationalError(code, "the disk is full"))
  );
  const { log } = createFixture();
  for (const code of ["log_unavailable", "log_overloaded", "log_closed"] as const) {
    const fixture = createFixture({ log: { ...log, publish: failing(code) } });
    const send = () => fixture.call("POST", "/messages", { body: HELLO });
    const answer = await send();
    assert.equal(answer.status, 503);
    assert.equal(answer.json.code, code);
    assert.equal(answer.json.detail, "the disk is full");
    assert.match(answer.headers.get("retry-after") ?? "", /^[1-9]\d*$/);
    await send();
    assert.deepEqual(fixture.logger.lines.map(({ level }) => level), ["warn"]);
    await fixture.clock.advance(10_000);
    await send();
    assert.equal(fixture.logger.lines.length, 2);
  }
});
