/**
 * Request bodies: media types, JSON, and the limits of size and time, also while the body is incomplete.
 *
 * @module
 */

import assert from "node:assert/strict";
import { MIN_BODY_BYTES, TotalBodyBudget } from "../../gateway/http/body_budget.ts";
import { createFixture, KEY, read } from "./http_fixture.ts";

const HELLO = JSON.stringify({ author: "7", content: "hello" });

/** A request whose body the test writes. */
function streaming(
  source: UnderlyingDefaultSource<Uint8Array>,
  headers: Record<string, string> = {},
): Request {
  return new Request("http://gateway.test/messages", {
    method: "POST",
    body: new ReadableStream(source),
    headers: { authorization: `Bearer ${KEY}`, "content-type": "application/json", ...headers },
  });
}

Deno.test("a body is taken as JSON in UTF-8, however its type is written", async () => {
  const { call } = createFixture();
  for (
    const type of [
      "application/json",
      "Application/JSON",
      "application/json; charset=utf-8",
      'application/json;charset="UTF-8"',
      "application/json; charset=utf-8; charset=utf-8",
      "application/json, application/json; charset=utf8",
    ]
  ) {
    const answer = await call("POST", "/messages", {
      body: HELLO,
      headers: { "content-type": type },
    });
    assert.equal(answer.status, 201, type);
  }
});

Deno.test("a body of another type, another charset or compressed is 415", async () => {
  const { call } = createFixture();
  for (
    const headers of [
      { "content-type": "" },
      { "content-type": "text/plain" },
      { "content-type": "application/x-www-form-urlencoded" },
      { "content-type": "application/jsonp" },
      { "content-type": "application/json; charset=latin1" },
      { "content-encoding": "gzip" },
    ]
  ) {
    const answer = await call("POST", "/messages", { body: HELLO, headers });
    assert.equal(answer.status, 415, JSON.stringify(headers));
    assert.equal(answer.json.code, "unsupported_media_type");
  }
});

Deno.test("a body that is not JSON is 400 invalid_json", async () => {
  const { call } = createFixture();
  const headers = { "content-type": "application/json" };
  for (
    const body of ["", "{", "hello", "{'a':1}", "[1,]", "NaN", new Uint8Array([0x22, 0xff, 0x22])]
  ) {
    const answer = await call("POST", "/messages", { body, headers });
    assert.equal(answer.status, 400);
    assert.equal(answer.json.code, "invalid_json");
    assert.match(answer.json.detail, /^The body is not JSON: .+\.$/);
  }
  const none = await call("POST", "/messages", { headers });
  assert.equal(none.json.code, "invalid_json");
});

Deno.test("a body may begin with a byte order mark and come in pieces", async () => {
  const { fetch } = createFixture();
  const bytes = new TextEncoder().encode(`\ufeff{"author":"é","content":"😀"}`);
  const response = await fetch(streaming({
    start(controller) {
      for (const byte of bytes) controller.enqueue(new Uint8Array([byte]));
      controller.close();
    },
  }));
  assert.equal(response.status, 201);
});

Deno.test("U+FFFD in a body is a character, and not taken for bytes that are none", async () => {
  const { call } = createFixture();
  const sent = await call("POST", "/messages", { body: { author: "7", content: "\ufffd" } });
  assert.equal(sent.status, 201);
  const { json } = await call("GET", "/messages?limit=1");
  assert.equal(json.messages[0].content, "\ufffd");
});

Deno.test("a body that is declared too long is 413 before it is read", async () => {
  const { fetch } = createFixture({ testing: { maxBodyBytes: 100 } });
  const request = streaming({}, { "content-length": "101" });
  const answer = await read(await fetch(request));
  assert.equal(answer.status, 413);
  assert.equal(answer.json.code, "body_too_large");
  assert.equal(request.bodyUsed, false);
});

Deno.test("a body without a length is 413 as soon as it is too long, and the rest is not read", async () => {
  const { fetch, clock } = createFixture({ testing: { maxBodyBytes: 1000 } });
  let sent = 0;
  let cancelled = false;
  const answer = await read(
    await fetch(streaming({
      pull(controller) {
        sent += 100;
        controller.enqueue(new Uint8Array(100));
      },
      cancel() {
        cancelled = true;
      },
    })),
  );
  assert.equal(answer.status, 413);
  assert.ok(sent <= 1300, `${sent} bytes were asked for`);
  assert.equal(cancelled, true);
  assert.equal(clock.pending, 0);
});

Deno.test("a body of exactly the limit is read", async () => {
  const { call } = createFixture({ testing: { maxBodyBytes: HELLO.length } });
  assert.equal((await call("POST", "/messages", { body: HELLO })).status, 201);
  assert.equal((await call("POST", "/messages", { body: `${HELLO} ` })).status, 413);
});

Deno.test("a body that stalls is 408 after the timeout, not before", async () => {
  const { fetch, clock } = createFixture({ testing: { bodyTimeoutMs: 5000 } });
  let response: Response | undefined;
  const request = streaming({
    start(controller) {
      controller.enqueue(new TextEncoder().encode('{"author'));
    },
  });
  const answered = fetch(request).then((answer) => response = answer);
  await clock.advance(4999);
  assert.equal(response, undefined);
  await clock.advance(1);
  const answer = await read(await answered);
  assert.equal(answer.status, 408);
  assert.equal(answer.json.code, "request_timeout");
  assert.equal(answer.headers.get("connection"), "close");
});

Deno.test("a body beyond what all may hold together is 503, and says when to come back", async () => {
  const bodyBudget = new TotalBodyBudget(MIN_BODY_BYTES);
  const { call, fetch } = createFixture({ bodyBudget });
  const slow = fetch(streaming({ start() {} }));
  const refused = await call("POST", "/messages", { body: HELLO });
  assert.equal(refused.status, 503);
  assert.equal(refused.json.code, "bodies_overloaded");
  assert.equal(refused.headers.get("retry-after"), "1");
  assert.equal(refused.headers.get("connection"), "close");
  assert.equal(bodyBudget.refused, 1);
  void slow;
});

Deno.test("a body whose connection breaks is no bug and leaves no timer", async () => {
  const { fetch, clock, logger } = createFixture();
  const answer = await read(
    await fetch(streaming({
      start(controller) {
        controller.enqueue(new TextEncoder().encode('{"author'));
        controller.error(new Error("connection reset"));
      },
    })),
  );
  assert.equal(answer.json.code, "incomplete_body");
  assert.equal(clock.pending, 0);
  assert.deepEqual(logger.lines, []);
});

Deno.test("a request that is read leaves no timer", async () => {
  const fixture = createFixture();
  await fixture.call("POST", "/messages", { body: HELLO });
  assert.equal(fixture.clock.pending, 0);
});
