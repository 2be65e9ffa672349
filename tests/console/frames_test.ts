/**
 * Frames as the console lists them.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, withoutTokens } from "../../console/frames.ts";

const TOKEN = `eyJhbGciOiJFZERTQSJ9.${"a".repeat(40)}.${"b".repeat(80)}`;

Deno.test("describe() names a frame by its op, and keeps its text as it passed", () => {
  const text = '{ "op":10,  "time":1579276740336 }';
  assert.deepEqual(describe({ type: "received", data: text }), {
    kind: "received",
    op: 10,
    name: "Heartbeat",
    text,
  });
});

Deno.test("describe() says so of what is no frame", () => {
  for (
    const [data, name] of [["hello", "not a frame"], ["[]", "not a frame"], [
      '{"op":99}',
      "unknown op",
    ]]
  ) {
    assert.equal(describe({ type: "received", data })?.name, name, data);
  }
  assert.equal(describe({ type: "received", data: new Uint8Array(1) })?.name, "binary");
});

Deno.test("describe() tells what was withheld from what was sent", () => {
  const text = '{"op":11,"time":1}';
  assert.equal(describe({ type: "sent", text, isWithheld: true })?.kind, "withheld");
  assert.equal(describe({ type: "sent", text, isWithheld: false })?.kind, "sent");
});

Deno.test("withoutTokens() shortens a token wherever it is, and nothing else", () => {
  const shortened = `eyJhbGci… (${TOKEN.length} characters)`;
  assert.equal(
    withoutTokens(`{"op":1,"token":"${TOKEN}","last_id":"x-1"}`),
    `{"op":1,"token":"${shortened}","last_id":"x-1"}`,
  );
  assert.equal(withoutTokens(`not JSON: ${TOKEN}`), `not JSON: ${shortened}`);
  assert.equal(withoutTokens('{"op":1,"token":"short"}'), '{"op":1,"token":"…"}');
  assert.equal(
    withoutTokens('{"op":1,"token":"with \\" and more than that"}').includes("more"),
    false,
  );
  assert.equal(withoutTokens('{"op":3,"content":"eyes"}'), '{"op":3,"content":"eyes"}');
});
