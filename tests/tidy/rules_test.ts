/**
 * The rules of tidiness, checked against text that breaks them, so that each rule can fail.
 *
 * @module
 */

import assert from "node:assert/strict";
import { riddles } from "./comments.ts";
import { cycles } from "./cycles.ts";
import { bannedNames, isBannedModule } from "./globals.ts";
import { faultOfImport } from "./layers.ts";
import { looseTypes } from "./loose_types.ts";
import { mask, specifiers } from "./mask.ts";

Deno.test("mask() blanks comments and strings, and keeps every line where it is", () => {
  const source = [
    "a; // Date.now()",
    "b; /* Date.now()",
    " Date.now() */ c;",
    'd("Date.now() \\" Date.now()");',
    "e('Date.now()');",
    "f(/Date.now() [/] \\/ Date.now()/g);",
    "g(1 / h / Date.now());",
    "i(`Date.now() ${j({ k: `${Date.now()} Date.now()` })} Date.now()`);",
    "const l = a.match(/[`\"']/); Date.now();",
  ].join("\n");
  const code = mask(source);
  assert.equal(code.length, source.length);
  const lines = code.split("\n").map((line) => line.split("Date.now()").length - 1);
  assert.deepEqual(lines, [0, 0, 0, 0, 0, 0, 1, 1, 1]);
  for (const name of "abcdefghij") assert.match(code, new RegExp(`\\b${name}\\b`));
});

Deno.test("specifiers() finds every form of import, and none in comments or strings", () => {
  const source = `
    import { a } from "./a.ts";
    import type { B } from "./b.ts";
    import c, {
      d, // from "./no.ts"
    } from "./c.ts";
    import "./e.ts";
    export * from "./f.ts";
    export { g } from "./g.ts";
    const h = await import("./h.ts");
    new Worker(new URL("./i.ts", import.meta.url), { type: "module" });
    new URL("../", import.meta.url);
    // import "./no.ts";
    const text = 'import { x } from "./no.ts"';
  `;
  assert.deepEqual(
    specifiers(source),
    [..."abcefghi"].map((name) => `./${name}.ts`),
  );
});

Deno.test("cycles() finds files that import each other, directly or through others", () => {
  const found = cycles(
    new Map([["a", ["b", "d"]], ["b", ["c", "d"]], ["c", ["a", "zod"]], ["d", []], ["e", ["e"]]]),
  );
  assert.deepEqual(found, [["a", "b", "c", "a"], ["e", "e"]]);
});

Deno.test("bannedNames() finds each global that production code may not touch", () => {
  const banned = [
    "Date.now()",
    "new Date()",
    "new Date",
    "Math.random()",
    "crypto.randomUUID()",
    "crypto.getRandomValues(a)",
    "performance.now()",
    "console.log(a)",
    "Deno.env.get(a)",
    "Deno[Deno.internal]",
    "setTimeout(a, 1)",
    "const later = setInterval;",
    "globalThis.setTimeout(a)",
  ];
  for (const code of banned) assert.notDeepEqual(bannedNames(code), [], code);
  const free = [
    "clock.now()",
    "new Date(at)",
    "this.#clock.setTimeout(a)",
    "metrics.performance.observe(1)",
    "crypto.subtle",
    "const console = 1;",
  ];
  for (const code of free) assert.deepEqual(bannedNames(code), [], code);
});

Deno.test("isBannedModule() knows the modules by which globals come back in", () => {
  assert(isBannedModule("gateway/hub/hub.ts", "node:timers/promises"));
  assert(isBannedModule("gateway/hub/hub.ts", "node:perf_hooks"));
  assert(!isBannedModule("gateway/http/publish_key.ts", "node:crypto"));
  assert(!isBannedModule("gateway/config/parse.ts", "node:net"));
});

Deno.test("looseTypes() finds any and non-null assertions, and takes nothing else for them", () => {
  const loose = [
    "const a: any = 1;",
    "a as any",
    "Array<any>",
    "Map<string, any>",
    "type A = any;",
    "a | any",
    "a!.b",
    "a()!;",
    "a[0]!, b",
    "a![0]",
    "const b = a!\n",
    "a! + b",
  ];
  for (const code of loose) assert.notDeepEqual(looseTypes(code), [], code);
  const strict = ["a !== b", "a != b", "!a", "if (!(a in b)) c;", "many(a)", "a.any(b)"];
  for (const code of strict) assert.deepEqual(looseTypes(code), [], code);
});

Deno.test("riddles() finds comments that begin with a question word, not sentences inside them", () => {
  const found = [
    "/** Whether it is open. */",
    "  /** What it is told. */",
    "/**\n * Where it begins.\n */",
    "a;\n  // Who waits is woken.",
  ];
  for (const text of found) assert.equal(riddles(text).length, 1, text);
  const plain = [
    "/** True if it is open. */",
    "/**\n * Closes it.\n * Where the platform allows, at once.\n */",
    "// Closes it.\n// What remains is dropped.",
    "a; // What else",
    "/** Whatsoever */",
  ];
  for (const text of plain) assert.deepEqual(riddles(text), [], text);
});

Deno.test("faultOfImport() refuses an import that points up, and a library out of its place", () => {
  const refused: readonly (readonly [string, string])[] = [
    ["gateway/protocol/session.ts", "gateway/ports.ts"],
    ["gateway/protocol/session.ts", "jose"],
    ["gateway/ports.ts", "gateway/session/connection.ts"],
    ["gateway/session/connection.ts", "gateway/http/mod.ts"],
    ["gateway/session/connection.ts", "gateway/log/sqlite/log.ts"],
    ["gateway/hub/hub.ts", "mock/doubles/clock.ts"],
    ["gateway/hub/hub.ts", "node:sqlite"],
    ["gateway/log/sqlite/log.ts", "gateway/hub/hub.ts"],
    ["gateway/runtime/clock.ts", "auth/mod.ts"],
    ["auth/verifier.ts", "gateway/runtime/clock.ts"],
    ["gateway/http/users.ts", "jose"],
    ["gateway/http/users.ts", "main.ts"],
    ["mock/mod.ts", "main.ts"],
    ["client/mod.ts", "gateway/hub/hub.ts"],
    ["console/main.ts", "gateway/hub/hub.ts"],
    ["elsewhere/file.ts", "gateway/hub/hub.ts"],
  ];
  for (const [path, target] of refused) {
    assert.notEqual(faultOfImport(path, target), undefined, `${path} imports ${target}`);
  }
  const allowed: readonly (readonly [string, string])[] = [
    ["gateway/protocol/frames.ts", "gateway/protocol/codes.ts"],
    ["gateway/ports.ts", "gateway/protocol/mod.ts"],
    ["gateway/session/connection.ts", "gateway/metrics/metrics.ts"],
    ["gateway/session/connection.ts", "gateway/hub/hub.ts"],
    ["gateway/http/users.ts", "gateway/gateway.ts"],
    ["gateway/log/sqlite/log.ts", "node:sqlite"],
    ["auth/verifier.ts", "jose"],
    ["mock/issuer.ts", "jose"],
    ["simulation/world.ts", "gateway/session/connection.ts"],
    ["main.ts", "mock/issuer.ts"],
    ["client/mod.ts", "gateway/protocol/mod.ts"],
    ["console/main.ts", "client/mod.ts"],
    ["tests/protocol/support.ts", "node:assert/strict"],
  ];
  for (const [path, target] of allowed) assert.equal(faultOfImport(path, target), undefined);
});
