/**
 * `Frames.wire`: the bytes of text frames, with each length of header (RFC 6455, section 5.2).
 *
 * @module
 */

import assert from "node:assert/strict";
import { Frames } from "../../gateway/session/encode.ts";
import { parseFrame } from "../conformance/support/wire.ts";

/** The texts of the frames in `bytes`. */
function parse(bytes: Uint8Array): readonly string[] {
  const texts: string[] = [];
  let rest = bytes;
  while (rest.length > 0) {
    const parsed = parseFrame(rest);
    assert.ok(parsed !== undefined, "an incomplete frame");
    texts.push(new TextDecoder().decode(parsed.frame.payload));
    rest = rest.subarray(parsed.bytes);
  }
  return texts;
}

for (const [length, header] of [[1, 2], [125, 2], [126, 4], [65_535, 4], [65_536, 10]] as const) {
  Deno.test(`Frames.wire has a header of ${header} bytes for a payload of ${length}`, () => {
    const text = "x".repeat(length);
    const { wire, bytes } = new Frames([text]);
    assert.deepEqual([wire.length, bytes], [header + length, length]);
    assert.equal(wire[0], 0x81, "the last fragment of a text message");
    assert.deepEqual(parse(wire), [text]);
  });
}

Deno.test("Frames.wire is all frames in order, in UTF-8", () => {
  const texts = ["é".repeat(63), "€".repeat(21_846), "{}"];
  assert.deepEqual(parse(new Frames(texts).wire), texts);
});
