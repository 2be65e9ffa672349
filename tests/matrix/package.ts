/**
 * The client's npm package: its files, the verdicts of linters, and its types in strict projects.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import project from "../../deno.json" with { type: "json" };
import { specifiers } from "../tidy/mask.ts";
import { read } from "../tidy/sources.ts";
import {
  absent,
  CLIENT,
  installed,
  matrixTest,
  node,
  PROJECT,
  run,
  TARBALL,
} from "./support/project.ts";

/** Node prints the whole line of an uncaught error. */
const MAX_LINE = 300;
const MAX_GZIPPED_BYTES = 8192;
const NODE = node(24);
const NO_NODE = absent(NODE);

/** A compiler and its configuration. */
interface Compilation {
  readonly compiler: "typescript" | "typescript-5";
  readonly module: "node16" | "nodenext" | "bundler";
  readonly lib: readonly string[];
  readonly types: readonly string[];
}

/** The globals of an app besides the client: of the DOM, of Node, or neither. */
const GLOBALS: readonly Pick<Compilation, "lib" | "types">[] = [
  { lib: ["ES2022", "DOM"], types: [] },
  { lib: ["ES2022"], types: ["node"] },
  { lib: ["ES2022"], types: [] },
  { lib: ["ESNext", "DOM"], types: ["node"] },
];
const DOM = { lib: ["ES2022", "DOM"], types: [] };

const COMPILATIONS: readonly Compilation[] = [
  ...(["node16", "nodenext", "bundler"] as const).map((module) => (
    { compiler: "typescript-5", module, ...DOM } as const
  )),
  ...(["nodenext", "bundler"] as const).map((module) => (
    { compiler: "typescript", module, ...DOM } as const
  )),
  ...GLOBALS.map((globals) => ({ compiler: "typescript", module: "node16", ...globals } as const)),
];

/** The strictest configuration. */
function configuration({ module, lib, types }: Compilation): unknown {
  const resolution = module === "bundler"
    ? { module: "esnext", moduleResolution: "bundler" }
    : { module };
  // A bundler has one kind of module.
  const files = module === "bundler" ? ["app.mts"] : ["app.mts", "app.cts"];
  return {
    files: files.map((file) => join(PROJECT, file)),
    compilerOptions: {
      ...resolution,
      lib,
      types,
      typeRoots: [installed("@types")],
      target: "es2022",
      noEmit: true,
      strict: true,
      skipLibCheck: false,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      verbatimModuleSyntax: module === "bundler",
    },
  };
}

for (const compilation of COMPILATIONS) {
  const { compiler, module, lib, types } = compilation;
  const name = `${compiler} ${module} with lib ${lib} ${
    types.length > 0 ? `and types ${types}` : ""
  }`;
  matrixTest(`the types of the client's package compile: ${name.trim()}`, NO_NODE, async () => {
    const config = await Deno.makeTempFile({ suffix: ".json" });
    await Deno.writeTextFile(config, JSON.stringify(configuration(compilation)));
    await run([NODE, installed(`${compiler}/bin/tsc`), "-p", config]);
    await Deno.remove(config);
  });
}

matrixTest("publint has no complaint of the client's package", NO_NODE, async () => {
  assert.match(await run([NODE, installed("publint/src/cli.js"), CLIENT]), /All good!/);
});

matrixTest("attw has no complaint of the client's package", NO_NODE, async () => {
  await run([NODE, installed("@arethetypeswrong/cli/dist/index.js"), TARBALL]);
});

matrixTest(
  "the client's package is small and readable, imports nothing, and exports what mod.ts does",
  NO_NODE,
  () => {
    const exported = [...read("client/mod.ts").matchAll(/^export (type )?\{([^}]*)\}/gm)]
      .flatMap(([, type, names = ""]) =>
        names.split(",").map((name) => name.trim()).filter((name) => name !== "")
          .map((name) => ({ name, isType: type !== undefined }))
      );
    const types = Deno.readTextFileSync(join(CLIENT, "emagine-client.d.ts"));
    const declared = types.matchAll(
      /^export (?:declare )?(?:class|function|interface|type) (\w+)/gm,
    );
    assert.deepEqual(
      [...declared].map(([, name]) => name).sort(),
      exported.map(({ name }) => name).sort(),
    );
    assert.deepEqual(specifiers(types), [], "its types refer to no other file");
    for (const module of ["emagine-client.js", "emagine-client.cjs"]) {
      const text = Deno.readTextFileSync(join(CLIENT, module));
      const { byteLength } = gzipSync(text, { level: 9 });
      console.log(`${module} is ${text.length} bytes, ${byteLength} gzipped`);
      // A page does not download the file for require().
      if (module.endsWith(".js")) {
        assert.ok(byteLength < MAX_GZIPPED_BYTES, `${byteLength} bytes gzipped`);
      }
      assert.deepEqual(specifiers(text), [], "it imports nothing");
      const longest = Math.max(...text.split("\n").map(({ length }) => length));
      assert.ok(longest <= MAX_LINE, `a line of ${longest} characters`);
    }
    const manifest = JSON.parse(Deno.readTextFileSync(join(CLIENT, "package.json")));
    assert.deepEqual([manifest.version, manifest.dependencies], [project.version, undefined]);
    assert.doesNotMatch(
      Deno.readTextFileSync(join(CLIENT, "README.md")),
      /\]\((?![a-z]+:|#|\))/,
      "its README links to nothing that it has not",
    );
    return Promise.resolve();
  },
);
