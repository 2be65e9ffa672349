/**
 * JSON on several lines, with unchanged tokens.
 *
 * @module
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import { indentJson } from "../../console/indent.ts";

Deno.test("indentJson() writes what JSON.stringify() would, for all that it can write", () => {
  fc.assert(fc.property(fc.jsonValue(), (value) => {
    assert.equal(indentJson(JSON.stringify(value)), JSON.stringify(value, null, 2));
  }));
});

Deno.test("indentJson() changes no token: digits, escapes and fields that come twice stay", () => {
  const text = '{"id":12345678901234567890,"n":1.50,"s":"\\u202E {\\"a\\":[1, 2]}","id":1}';
  assert.equal(
    indentJson(text),
    [
      "{",
      '  "id": 12345678901234567890,',
      '  "n": 1.50,',
      '  "s": "\\u202E {\\"a\\":[1, 2]}",',
      '  "id": 1',
      "}",
    ].join("\n"),
  );
});

Deno.test("indentJson() takes text that was cut, and does not grow with its depth for ever", () => {
  assert.equal(indentJson('{"a":["b\\'), '{\n  "a": [\n    "b\\');
  assert.equal(indentJson("]]}"), "\n]\n]\n}");
  const deep = indentJson("[".repeat(20_000));
  assert.ok(deep.length < 20_000 * 170, `${deep.length} characters`);
  assert.equal(indentJson("\\".repeat(20_000)), "\\".repeat(20_000));
});
