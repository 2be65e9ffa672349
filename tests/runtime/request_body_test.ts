/**
 * The body of a web `Request`, with a declared length and without.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { BodyLimits } from "../../gateway/ports.ts";
import { MIN_BODY_BYTES, TotalBodyBudget } from "../../gateway/http/body_budget.ts";
import { readBody } from "../../gateway/runtime/request_body.ts";
import { FakeClock } from "../../mock/doubles/clock.ts";

const LIMITS = { maxBytes: 10, timeoutMs: 5000, budget: new TotalBodyBudget() };

/** A request whose body the test writes; `declared` is its Content-Length. */
function upload(declared?: number) {
  const clock = new FakeClock();
  const sent = new TransformStream<Uint8Array, Uint8Array>();
  const writer = sent.writable.getWriter();
  writer.closed.catch(() => {});
  const request = new Request("http://gateway.test/", {
    method: "POST",
    body: sent.readable,
    headers: declared === undefined ? {} : { "content-length": String(declared) },
  });
  const send = (length: number): void => void writer.write(new Uint8Array(length)).catch(() => {});
  return {
    clock,
    request,
    writer,
    send,
    readBody: (limits: BodyLimits) => readBody(request, clock, limits),
  };
}

Deno.test("readBody() reads nothing before it is asked to", () => {
  const { request } = upload(5);
  assert.equal(request.bodyUsed, false);
});

Deno.test("a body that is there is read without a timer", async () => {
  const clock = new FakeClock();
  const set: number[] = [];
  const timed = {
    now: () => clock.now(),
    steady: () => clock.steady(),
    setTimer: (delayMs: number, callback: () => void) => {
      set.push(delayMs);
      return clock.setTimer(delayMs, callback);
    },
  };
  const headers = { "content-length": "5" };
  const request = new Request("http://gateway.test/", { method: "POST", body: "hello", headers });
  const body = await readBody(request, timed, LIMITS);
  assert.deepEqual(body, new TextEncoder().encode("hello"));
  assert.deepEqual(set, []);
});

Deno.test("a request without a body has an empty one", async () => {
  const request = new Request("http://gateway.test/");
  assert.deepEqual(await readBody(request, new FakeClock(), LIMITS), new Uint8Array());
});

for (const declared of [10, undefined]) {
  const kind = declared === undefined ? "no declared length" : "a declared length";

  Deno.test(`a body with ${kind} that comes later, in pieces, is read whole`, async () => {
    const { clock, readBody, send, writer } = upload(declared);
    const reading = readBody(LIMITS);
    await clock.advance(4999);
    send(4);
    send(6);
    void writer.close();
    assert.deepEqual(await reading, new Uint8Array(10));
    assert.equal(clock.pending, 0);
  });

  Deno.test(`a body with ${kind} that stalls times out, not before its time`, async () => {
    const { clock, readBody, send } = upload(declared);
    let body: unknown;
    const reading = readBody(LIMITS).then((result) => body = result);
    send(4);
    await clock.advance(4999);
    assert.equal(body, undefined);
    await clock.advance(1);
    await reading;
    assert.equal(body, "timed_out");
    assert.equal(clock.pending, 0);
  });

  Deno.test(`a body with ${kind} that breaks is broken, also after it has timed out`, async () => {
    const { clock, readBody, writer, send } = upload(declared);
    const reading = readBody(LIMITS);
    send(4);
    await clock.advance(1);
    void writer.abort(new Error("connection reset"));
    assert.equal(await reading, "broken");
    assert.equal(clock.pending, 0);

    const late = upload(declared);
    const waiting = late.readBody(LIMITS);
    await late.clock.advance(5000);
    assert.equal(await waiting, "timed_out");
    void late.writer.abort(new Error("connection reset")).catch(() => {});
    await late.clock.advance(1);
  });

  Deno.test(`a body with ${kind} that is longer than the limit is too large`, async () => {
    const { clock, readBody, send, writer } = upload(declared);
    const reading = readBody(LIMITS);
    send(6);
    send(5);
    void writer.close().catch(() => {});
    assert.equal(await reading, "too_large");
    assert.equal(clock.pending, 0);
  });
}

Deno.test("a body that is declared to be longer than the limit is not read", async () => {
  const { request, readBody } = upload(11);
  assert.equal(await readBody(LIMITS), "too_large");
  assert.equal(request.bodyUsed, false);
});

Deno.test("a body without a declared length is let go once it is longer than the limit", async () => {
  const { readBody, send, writer } = upload();
  const reading = readBody(LIMITS);
  send(11);
  assert.equal(await reading, "too_large");
  await writer.closed.then(() => assert.fail("still open"), () => {});
});

Deno.test("a body for which there is no room is not read", async () => {
  for (const declared of [5, undefined]) {
    const { request, readBody } = upload(declared);
    const budget = new TotalBodyBudget(MIN_BODY_BYTES - 1);
    assert.equal(await readBody({ ...LIMITS, budget }), "overloaded");
    assert.equal(request.bodyUsed, false);
  }
});

Deno.test("a body that outgrows the room there is, is let go, however long it is declared", async () => {
  for (const declared of [4 * MIN_BODY_BYTES, undefined]) {
    const { readBody, send, writer } = upload(declared);
    const budget = new TotalBodyBudget(2 * MIN_BODY_BYTES);
    const reading = readBody({ ...LIMITS, maxBytes: 4 * MIN_BODY_BYTES, budget });
    send(2 * MIN_BODY_BYTES);
    send(1);
    assert.equal(await reading, "overloaded");
    assert.equal(budget.heldBytes, 0);
    await writer.closed.then(() => assert.fail("still open"), () => {});
  }
});

Deno.test("a late body is read to its end and dropped, however long it is", async () => {
  const { clock, readBody, send, writer } = upload();
  const budget = new TotalBodyBudget();
  const waiting = readBody({ ...LIMITS, budget });
  send(4);
  await clock.advance(5000);
  assert.equal(await waiting, "timed_out");
  for (let sent = 0; sent < 10; sent++) send(6);
  await clock.advance(1);
  assert.equal(budget.heldBytes, MIN_BODY_BYTES);
  await writer.close();
  await clock.advance(1);
  assert.equal(budget.heldBytes, 0);
});

Deno.test("a body gives its room back, whatever becomes of it", async () => {
  const budget = new TotalBodyBudget();
  const limits = { ...LIMITS, budget };
  for (const declared of [10, undefined]) {
    const complete = upload(declared);
    const reading = complete.readBody(limits);
    complete.send(10);
    assert.equal(budget.heldBytes, MIN_BODY_BYTES);
    void complete.writer.close();
    await reading;
    assert.equal(budget.heldBytes, 0, "complete");
    const late = upload(declared);
    const waiting = late.readBody(limits);
    await late.clock.advance(5000);
    assert.equal(await waiting, "timed_out");
    // The runtime holds memory for the connection until its peer closes it.
    late.send(4);
    await late.clock.advance(1);
    assert.equal(budget.heldBytes, MIN_BODY_BYTES, "late");
    void late.writer.abort(new Error("connection reset")).catch(() => {});
    await late.clock.advance(1);
    assert.equal(budget.heldBytes, 0, "late, and closed");
    const broken = upload(declared);
    const failing = broken.readBody(limits);
    void broken.writer.abort(new Error("connection reset"));
    assert.equal(await failing, "broken");
    assert.equal(budget.heldBytes, 0, "broken");
  }
  assert.equal(budget.refused, 0);
});
