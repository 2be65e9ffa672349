/**
 * Runs the examples of `mock/` and of the protocol, and those of docs/testing-in-process.md, which are
 * tests themselves. `deno test --doc` would import all exports of a file into each of its examples, which does
 * not compile if unused imports are errors.
 *
 * @module
 */

import "../../examples/app_test.ts";
import "../../examples/client_test.ts";
import assert from "node:assert/strict";
import * as client from "../../client/mod.ts";
import * as protocol from "../../gateway/protocol/mod.ts";
import * as mock from "../../mock/mod.ts";
import { needs, testUnless } from "../permissions.ts";
import { read } from "../tidy/sources.ts";

const UNREAD = needs("read");

const MODULES: Readonly<Record<string, object>> = {
  "node:assert/strict": { default: assert },
  "@emagine/gateway/client": client,
  "@emagine/gateway/mock": mock,
  "@emagine/gateway/protocol": protocol,
};

/** The code of the examples in the doc comments of `source`, with imports from {@linkcode MODULES}. */
function examplesIn(source: string): readonly string[] {
  return [...source.matchAll(/^ *\* ```ts\n(.*?)^ *\* ```$/gms)].map(([, code = ""]) =>
    code.replace(/^ *\* ?/gm, "")
      .replace(/^import (\w+) from (".*?");$/gm, "const { default: $1 } = modules[$2];")
      .replace(/^import (\{.*?\}) from (".*?");$/gm, "const $1 = modules[$2];")
  );
}

for (
  const path of [
    ...["mock/mod.ts", "mock/gateway/gateway.ts", "mock/doubles/clock.ts"],
    ...["mock/replay/replay.ts", "gateway/protocol/session.ts"],
  ]
) {
  testUnless(UNREAD)(`the example of ${path} runs`, async () => {
    const examples = examplesIn(read(path));
    assert.equal(examples.length, 1);
    const module = `export default async (modules) => {${examples[0]}};`;
    const { default: run } = await import(
      `data:application/typescript,${encodeURIComponent(module)}`
    );
    await run(MODULES);
  });
}
