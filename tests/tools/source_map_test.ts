/**
 * Source maps of the npm packages lead to the right places after lines and sources were removed.
 *
 * @module
 */

import assert from "node:assert/strict";
import { editSourceMap, type SourceMap } from "../../tools/source_map.ts";

/** In own.ts the lines 0, 1, 2 and, after two of library.ts, 4: each of five lines, the third from column 528. */
const MAP: SourceMap = {
  version: 3,
  sources: ["../own.ts", "../library.ts"],
  sourcesContent: ["own", "library"],
  names: ["far"],
  mappings: "AAAA;AACA;gwBACAA,UCFA;AACA;ADGA",
};

Deno.test("editSourceMap() changes nothing if nothing is removed", () => {
  assert.deepEqual(
    editSourceMap(MAP, { move: (_, column) => column, rename: (name) => name }),
    MAP,
  );
});

Deno.test("editSourceMap() removes lines and moves columns, and what follows maps as before", () => {
  const move = (line: number, column: number) => line === 1 ? undefined : Math.min(column, 2);
  const { mappings } = editSourceMap(MAP, { move, rename: (name) => name });
  // Line 2 of own.ts is not mapped any more, so that the third is two lines from the first.
  assert.equal(mappings, "AAAA;EAEAA,ACFA;AACA;ADGA");
});

Deno.test("editSourceMap() removes a source, whose code then maps to nothing", () => {
  const edit = { move: (_: number, column: number) => column };
  const rename = (name: string) => name === "../own.ts" ? "own.ts" : undefined;
  assert.deepEqual(editSourceMap(MAP, { ...edit, rename }), {
    ...MAP,
    sources: ["own.ts"],
    sourcesContent: ["own"],
    mappings: "AAAA;AACA;gwBACAA,U;;AAEA",
  });
});
