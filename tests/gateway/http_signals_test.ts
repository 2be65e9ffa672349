/**
 * `POST /signals`: the same bodies as `POST /messages`, and nothing else of it.
 *
 * @module
 */

import assert from "node:assert/strict";
import { createFixture } from "./http_fixture.ts";

Deno.test("POST /signals passes signals on with the time, stores nothing, and answers 202", async () => {
  const { call, signals, counts, clock } = createFixture();
  const draft = { channel: "general", author: "7", content: { typing: true } };
  const one = await call("POST", "/signals", { body: draft });
  assert.deepEqual([one.status, one.text], [202, ""]);
  assert.equal(one.headers.get("cache-control"), "no-store");
  const many = await call("POST", "/signals", {
    body: [{ user: "alice", author: "7", content: null }, { author: "7", content: 1 }],
  });
  assert.deepEqual([many.status, many.text], [202, ""]);
  const time = Math.floor(clock.now());
  assert.deepEqual(signals, [
    { ...draft, time },
    { user: "alice", author: "7", content: null, time },
    { author: "7", content: 1, time },
  ]);
  assert.deepEqual(counts, []);
});

Deno.test("POST /signals refuses what POST /messages refuses, with the same problem", async () => {
  const { call, signals } = createFixture({ maxMessageBytes: 1024 });
  const headers = { "content-type": "text/plain" };
  for (
    const request of [
      { body: "{" },
      { body: { author: "7" } },
      { body: [] },
      { body: { author: "7", content: 1, chanel: "x" } },
      { body: { author: "7", content: 1, channel: "a", user: "b" } },
      { body: Array.from({ length: 1001 }, () => ({ author: "7", content: 1 })) },
      { body: [{ author: "7", content: 1 }, { author: "7", content: "x".repeat(1024) }] },
      { body: { author: "7", content: 1 }, headers },
    ]
  ) {
    const answer = await call("POST", "/signals", request);
    assert.ok(answer.status >= 400, JSON.stringify(request).slice(0, 80));
    assert.deepEqual(answer.json, (await call("POST", "/messages", request)).json);
  }
  assert.deepEqual(signals, []);
});

Deno.test("POST /signals does not look at an Idempotency-Key", async () => {
  const { call, signals } = createFixture();
  const request = { body: { author: "7", content: 1 }, headers: { "idempotency-key": "same" } };
  for (const _ of [1, 2]) assert.equal((await call("POST", "/signals", request)).status, 202);
  assert.equal(signals.length, 2);
});

Deno.test("GET /signals is a method that the route does not have", async () => {
  const answer = await createFixture().call("GET", "/signals");
  assert.equal(answer.status, 405);
  assert.equal(answer.headers.get("allow"), "POST");
});
