/**
 * The npm packages: their files, the verdicts of linters, and their types in strict projects.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join, resolve } from "node:path";
import { gzipSync } from "node:zlib";
import project from "../../deno.json" with { type: "json" };
import { specifiers } from "../tidy/mask.ts";
import { read, ROOT } from "../tidy/sources.ts";
import {
  absent,
  CLIENT,
  installed,
  matrixTest,
  MOCK,
  node,
  PROJECT,
  run,
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
  const kinds = module === "bundler" ? ["mts"] : ["mts", "cts"];
  const files = ["app", "mock_app"].flatMap((app) => kinds.map((kind) => `${app}.${kind}`));
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

async function compile(compiler: string, configuration: unknown): Promise<void> {
  const config = await Deno.makeTempFile({ suffix: ".json" });
  await Deno.writeTextFile(config, JSON.stringify(configuration));
  await run([NODE, installed(`${compiler}/bin/tsc`), "-p", config]);
  await Deno.remove(config);
}

for (const compilation of COMPILATIONS) {
  const { compiler, module, lib, types } = compilation;
  const name = `${compiler} ${module} with lib ${lib} ${
    types.length > 0 ? `and types ${types}` : ""
  }`;
  matrixTest(`the types of the packages compile: ${name.trim()}`, NO_NODE, async () => {
    await compile(compiler, configuration(compilation));
  });
}

matrixTest("the types of the fixtures fit vitest and Playwright", NO_NODE, async () => {
  const strict = { strict: true, exactOptionalPropertyTypes: true, noEmit: true };
  // The types of the test runners do not compile in every configuration.
  const options = { ...strict, target: "es2022", module: "nodenext", skipLibCheck: true };
  await compile("typescript", { files: [join(PROJECT, "fixtures.mts")], compilerOptions: options });
});

matrixTest("publint and attw have no complaint of the packages", NO_NODE, async () => {
  const attw = installed("@arethetypeswrong/cli/dist/index.js");
  await Promise.all([CLIENT, MOCK].map(async ({ folder, tarball }) => {
    assert.match(await run([NODE, installed("publint/src/cli.js"), folder]), /All good!/);
    await run([NODE, attw, tarball]);
  }));
});

for (const [name, { folder }] of Object.entries({ client: CLIENT, mock: MOCK })) {
  matrixTest(`the package of the ${name} has all that it refers to`, NO_NODE, () => {
    const read = (path: string) => Deno.readTextFileSync(resolve(folder, path));
    const { version, dependencies, engines } = JSON.parse(read("package.json"));
    assert.deepEqual([version, dependencies], [project.version, undefined]);
    const { optionalDependencies } = JSON.parse(read(join(PROJECT, "package.json")));
    const [, oldest] = /@(20\.\d+)\./.exec(optionalDependencies["node20-linux-x64"]) ?? [];
    assert.equal(engines.node, name === "mock" ? `>=${oldest}` : ">=20");
    assert.doesNotMatch(
      read("README.md"),
      /\]\((?![a-z]+:|#|\))/,
      "links to nothing that it lacks",
    );
    for (const { name } of Deno.readDirSync(folder)) {
      if (/\.d\.c?ts$/.test(name)) {
        // Throws for any other module than one of the package.
        for (const file of specifiers(read(name))) read(file.replace(/(c?)js$/, "d.$1ts"));
      }
      const map = /\n\/\/# sourceMappingURL=(.*)\n*$/.exec(/\.c?js$/.test(name) ? read(name) : "");
      if (map === null) continue;
      const { sources, sourcesContent } = JSON.parse(read(map[1] ?? ""));
      for (const [index, source] of sources.entries()) {
        assert.equal(sourcesContent[index], Deno.readTextFileSync(new URL(source, ROOT)), source);
      }
    }
    return Promise.resolve();
  });
}

matrixTest("the package of the mock uses nothing that its oldest Node lacks", NO_NODE, () => {
  const code = Deno.readTextFileSync(join(MOCK.folder, "index.cjs"));
  const newer = /\b(?:Promise\.(?:withResolvers|try)|(?:Map|Object)\.groupBy|Array\.fromAsync)\b/g;
  assert.deepEqual(code.match(newer), null);
  return Promise.resolve();
});

matrixTest(
  "the package of the client is small and readable, imports nothing, and exports what mod.ts does",
  NO_NODE,
  () => {
    const exported = [...read("client/mod.ts").matchAll(/^export (type )?\{([^}]*)\}/gm)]
      .flatMap(([, type, names = ""]) =>
        names.split(",").map((name) => name.trim()).filter((name) => name !== "")
          .map((name) => ({ name, isType: type !== undefined }))
      );
    const types = Deno.readTextFileSync(join(CLIENT.folder, "emagine-client.d.ts"));
    const declared = types.matchAll(
      /^export (?:declare )?(?:class|const|function|interface|type) (\w+)/gm,
    );
    assert.deepEqual(
      [...declared].map(([, name]) => name).sort(),
      exported.map(({ name }) => name).sort(),
    );
    for (const module of ["emagine-client.js", "emagine-client.cjs"]) {
      const text = Deno.readTextFileSync(join(CLIENT.folder, module));
      const { byteLength } = gzipSync(text);
      console.log(`${module} is ${text.length} bytes, ${byteLength} gzipped`);
      // A page does not download the file for require().
      if (module.endsWith(".js")) {
        assert.ok(byteLength < MAX_GZIPPED_BYTES, `${byteLength} bytes gzipped`);
      }
      assert.deepEqual(specifiers(text), [], "it imports nothing");
      const longest = Math.max(...text.split("\n").map(({ length }) => length));
      assert.ok(longest <= MAX_LINE, `a line of ${longest} characters`);
    }
    return Promise.resolve();
  },
);
