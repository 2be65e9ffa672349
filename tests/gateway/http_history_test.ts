/**
 * `GET /messages`: the history, page by page.
 *
 * @module
 */

import assert from "node:assert/strict";
import { OperationalError } from "../../gateway/errors.ts";
import { createFixture, type Fixture } from "./http_fixture.ts";

/** A fixture with seven messages: contents 0 to 6, to everyone, `general` and `alice` in turn. */
async function createHistory(): Promise<Fixture & { readonly ids: readonly string[] }> {
  const fixture = createFixture();
  const to = [{}, { channel: "general" }, { user: "alice" }];
  const drafts = Array.from({ length: 7 }, (_, content) => ({
    ...to[content % 3],
    author: "7",
    content,
  }));
  const answer = await fixture.call("POST", "/messages", { body: drafts });
  return { ...fixture, ids: answer.json.map(({ id }: { id: string }) => id) };
}

function contents(page: { messages: { content: number }[] }): number[] {
  return page.messages.map(({ content }) => content);
}

Deno.test("GET /messages gives what went to everyone, to the channel, or to the user alone", async () => {
  const { call, ids } = await createHistory();
  assert.deepEqual(contents((await call("GET", "/messages")).json), [0, 3, 6]);
  assert.deepEqual(contents((await call("GET", "/messages?channel=general")).json), [1, 4]);
  const alice = (await call("GET", "/messages?user=alice")).json;
  assert.deepEqual(contents(alice), [2, 5]);
  assert.deepEqual(alice, { messages: alice.messages, more: false, last_id: ids[6] });
  const none = (await call("GET", "/messages?channel=nobody")).json;
  assert.deepEqual(none, { messages: [], more: false, last_id: ids[6] });
});

Deno.test("GET /messages shows a message as it was published, and nothing of the log's own", async () => {
  const { call, clock, ids } = await createHistory();
  const time = clock.now();
  const [everyone] = (await call("GET", "/messages?limit=1")).json.messages;
  assert.deepEqual(everyone, { id: ids[0], author: "7", content: 0, time });
  const [general] = (await call("GET", "/messages?channel=general&limit=1")).json.messages;
  assert.deepEqual(general, { id: ids[1], channel: "general", author: "7", content: 1, time });
  const [alice] = (await call("GET", "/messages?user=alice&limit=1")).json.messages;
  assert.deepEqual(alice, { id: ids[2], user: "alice", author: "7", content: 2, time });
});

Deno.test("GET /messages read on from last_id misses nothing and repeats nothing", async () => {
  const { call } = await createHistory();
  const seen: number[] = [];
  let after = "";
  for (let more = true; more;) {
    const { json } = await call("GET", `/messages?limit=2${after && `&after=${after}`}`);
    seen.push(...contents(json));
    after = json.last_id;
    more = json.more;
  }
  assert.deepEqual(seen, [0, 3, 6]);
  await call("POST", "/messages", { body: { author: "7", content: 7 } });
  const { json } = await call("GET", `/messages?after=${after}`);
  assert.deepEqual(contents(json), [7]);
});

Deno.test("GET /messages?limit=0 gives the position, whatever the audience", async () => {
  const empty = createFixture();
  const first = (await empty.call("GET", "/messages?limit=0")).json;
  assert.deepEqual(first, { messages: [], more: false, last_id: "id0-0" });
  await empty.call("POST", "/messages", { body: { author: "7", content: "first" } });
  const { json } = await empty.call("GET", `/messages?after=${first.last_id}`);
  assert.deepEqual(json.messages.map(({ content }: { content: string }) => content), ["first"]);
  const { call, ids } = await createHistory();
  for (const query of ["", "&channel=general", "&user=alice", "&channel=nobody"]) {
    const answer = await call("GET", `/messages?limit=0${query}`);
    assert.deepEqual(answer.json, { messages: [], more: false, last_id: ids[6] }, query);
  }
});

Deno.test("GET /messages?limit=0 after an id says whether messages follow, and skips none", async () => {
  const { call, ids } = await createHistory();
  const ask = async (after: string) => (await call("GET", `/messages?limit=0&after=${after}`)).json;
  assert.deepEqual(await ask(ids[5]!), { messages: [], more: true, last_id: ids[5] });
  assert.deepEqual(await ask(ids[6]!), { messages: [], more: false, last_id: ids[6] });
  assert.equal((await ask("nonsense")).code, "expired");
});

Deno.test("GET /messages?limit=0 is 503 when the log does not know its end", async () => {
  const { log } = createFixture();
  const position = () => Promise.reject(new OperationalError("log_unavailable", "cut off"));
  const answer = await createFixture({ log: { ...log, position } }).call(
    "GET",
    "/messages?limit=0",
  );
  assert.deepEqual([answer.status, answer.json.code], [503, "log_unavailable"]);
});

Deno.test("GET /messages after an id that is unknown or no longer stored is 410", async () => {
  const { call } = await createHistory();
  for (const after of ["nonsense", "other-1", "id0-999", "id0--1"]) {
    const answer = await call("GET", `/messages?after=${after}`);
    assert.deepEqual([answer.status, answer.json.code], [410, "expired"], after);
  }
});

Deno.test("GET /messages refuses a query that is unknown, repeated or wrong", async () => {
  const { call } = await createHistory();
  for (
    const [query, parameter] of [
      ["chanel=general", "chanel"],
      ["channel=a&channel=b", "channel"],
      ["channel=", "channel"],
      ["channel=a&user=b", ""],
      ["after=", "after"],
      ["limit=", "limit"],
      ["limit=0x0", "limit"],
      ["limit=-1", "limit"],
      ["limit=1001", "limit"],
      ["limit=1.5", "limit"],
      ["limit=many", "limit"],
    ] as const
  ) {
    const answer = await call("GET", `/messages?${query}`);
    assert.deepEqual([answer.status, answer.json.code], [400, "invalid_query"], query);
    assert.equal(answer.json.errors[0].parameter, parameter);
    assert.ok(answer.json.errors[0].detail.length > 0);
  }
});

Deno.test("GET /messages is 100 messages unless asked, and 1000 at most", async () => {
  const { call } = createFixture();
  const body = Array(1000).fill({ author: "7", content: 1 });
  await call("POST", "/messages", { body });
  await call("POST", "/messages", { body });
  const some = (await call("GET", "/messages")).json;
  assert.deepEqual([some.messages.length, some.more], [100, true]);
  const most = (await call("GET", "/messages?limit=1000")).json;
  assert.deepEqual([most.messages.length, most.more], [1000, true]);
});

Deno.test("GET /messages is 503 when the log cannot be read", async () => {
  const { log } = createFixture();
  const read = () => Promise.reject(new OperationalError("log_unavailable", "the disk is away"));
  const { call } = createFixture({ log: { ...log, read } });
  const answer = await call("GET", "/messages");
  assert.deepEqual([answer.status, answer.json.code], [503, "log_unavailable"]);
});
