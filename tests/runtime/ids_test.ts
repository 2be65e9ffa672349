/**
 * Random ids.
 *
 * @module
 */

import assert from "node:assert/strict";
import { RandomIds } from "../../gateway/runtime/ids.ts";

Deno.test("RandomIds.next() gives 16 characters of lowercase base36, never the same twice", () => {
  const ids = new RandomIds();
  const seen = new Set<string>();
  for (let i = 0; i < 10_000; i++) {
    const id = ids.next();
    assert.match(id, /^[0-9a-z]{16}$/);
    seen.add(id);
  }
  assert.equal(seen.size, 10_000);
});

Deno.test("RandomIds.next() uses every character about as often as any other", () => {
  const ids = new RandomIds();
  const counts = new Map<string, number>();
  for (let i = 0; i < 10_000; i++) {
    for (const c of ids.next()) counts.set(c, (counts.get(c) ?? 0) + 1);
  }
  const mean = 160_000 / 36;
  assert.equal(counts.size, 36);
  // Six standard deviations; without rejection of unfair bytes, four characters would lie eight above.
  for (const [c, count] of counts) assert.ok(Math.abs(count - mean) < 6 * Math.sqrt(mean), c);
});
