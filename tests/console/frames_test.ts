/**
 * Frames in the console's list.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, type FrameEntry, isShown, withoutTokens } from "../../console/frames.ts";

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

Deno.test("describe() writes out what would change how the rest is read", () => {
  const received = describe({ type: "received", data: '{"op":3,"content":"abc\u202Edcba"}' });
  assert.equal(received?.text, '{"op":3,"content":"abc\\u202Edcba"}');
  const closed = describe({ type: "closed", code: 4001, reason: "\u202Eno" });
  assert.equal(closed?.text, "\\u202Eno");
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

Deno.test("isShown() wants every word, wherever it is, and heartbeats unless they are left out", () => {
  const entry: FrameEntry = {
    ...{ seq: 1, at: 0, connection: 1, kind: "received", op: 3, name: "Message" },
    text: '{"op":3,"channel":"general"}',
  };
  const shown = (text: string): boolean => isShown(entry, { text, hasBeats: false });
  for (const text of ["", "  ", "message", "GENERAL  received", "3"]) {
    assert.ok(shown(text), `"${text}"`);
  }
  for (const text of ["sent", "general bob", "Ready"]) assert.ok(!shown(text), text);
  const beat: FrameEntry = { ...entry, op: 11, name: "HeartbeatAck" };
  assert.ok(!isShown(beat, { text: "ack", hasBeats: false }));
  assert.ok(isShown(beat, { text: "ack", hasBeats: true }));
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
  const alike = `keyJ_${"x".repeat(30)}`;
  assert.equal(withoutTokens(alike), alike, "a JWT has a dot");
});

Deno.test("withoutTokens() knows encrypted tokens, unfinished ones, and those behind a word", () => {
  const encrypted = `${TOKEN}.${"c".repeat(20)}.${"d".repeat(20)}`;
  for (const token of [encrypted, `${TOKEN.split(".")[0]}..${"e".repeat(20)}`]) {
    const shortened = `eyJhbGci… (${token.length} characters)`;
    assert.equal(withoutTokens(`say ${token}, please`), `say ${shortened}, please`);
    assert.equal(withoutTokens(`Bearer_${token}`), `Bearer_${shortened}`);
  }
});

Deno.test("withoutTokens() is done with what only begins like tokens, over and over", () => {
  // An algorithm that rescans the text at each of a million candidates would take hours.
  const almost = "eyJ-".repeat(1_000_000);
  assert.equal(withoutTokens(almost), almost);
  const dots = "eyJ.".repeat(1_000_000);
  assert.equal(withoutTokens(dots), "eyJ.eyJ.… (4000000 characters)");
  assert.ok(!withoutTokens('"token":"eyJ-'.repeat(100_000)).includes("eyJ"));
});
