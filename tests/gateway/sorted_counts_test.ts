/**
 * Counts by name, against a map that is sorted each time.
 *
 * @module
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import { SortedCounts } from "../../gateway/hub/sorted_counts.ts";

function sorted(model: ReadonlyMap<string, number>, after?: string): (readonly [string, number])[] {
  return [...model].filter(([name]) => after === undefined || name > after)
    .sort(([a], [b]) => a < b ? -1 : 1);
}

Deno.test("SortedCounts has the names of a map in their order, whatever was added and removed", () => {
  const names = fc.oneof(fc.integer({ min: 0, max: 30 }).map(String), fc.string());
  const steps = fc.array(fc.tuple(fc.boolean(), names), { maxLength: 200 });
  fc.assert(fc.property(steps, names, (changes, after) => {
    const counts = new SortedCounts();
    const model = new Map<string, number>();
    for (const [adds, name] of changes) {
      const count = (model.get(name) ?? 0) + (adds ? 1 : -1);
      if (adds) counts.add(name);
      else counts.remove(name);
      if (count > 0) model.set(name, count);
      else model.delete(name);
      assert.equal(counts.size, model.size);
    }
    assert.deepEqual([...counts.after(undefined)], sorted(model));
    assert.deepEqual([...counts.after(after)], sorted(model, after));
  }));
});

Deno.test("SortedCounts keeps its order through thousands of names in any order", () => {
  const ascending = Array.from({ length: 3000 }, (_, index) => `user ${index}`);
  const shuffled = ascending.toSorted((a, b) => a.at(-1)! < b.at(-1)! ? -1 : a < b ? 1 : -1);
  for (const names of [ascending, ascending.toReversed(), shuffled]) {
    const counts = new SortedCounts();
    const model = new Map<string, number>();
    for (const name of names) {
      counts.add(name);
      model.set(name, 1);
    }
    assert.deepEqual([...counts.after(undefined)], sorted(model));
    for (const [index, name] of names.entries()) {
      if (index % 10 !== 0) {
        counts.remove(name);
        model.delete(name);
      }
    }
    assert.equal(counts.size, 300);
    for (const after of [undefined, "", "user 1", "user 10", "user 1500", "user 9", "v"]) {
      assert.deepEqual([...counts.after(after)], sorted(model, after));
    }
    for (const name of model.keys()) counts.remove(name);
    assert.deepEqual([counts.size, ...counts.after(undefined)], [0]);
  }
});
