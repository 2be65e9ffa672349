/**
 * Builds the npm packages, each in a folder and a tarball under `dist/npm/`. The client has one module for
 * `import` and one for `require`, and no dependencies. The mock gateway has all that it needs in one CommonJS
 * module, so that an app that imports and requires it has one copy of its classes. Both stay readable, for stack
 * traces.
 *
 *     deno task build:packages
 *
 * @module
 */

import { createRequire } from "node:module";
import { relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import project from "../deno.json" with { type: "json" };
import { bundle, ROOT } from "./bundler.ts";
import { declarations, ownDeclarations } from "./declarations.ts";

export const CLIENT_NAME = "@emagine/gateway-client";
export const MOCK_NAME = "@emagine/gateway-mock";

const CLIENT_MODULE = "emagine-client";
/** Modules of the mock's package beside its index, and those that only have types. */
const FIXTURES: readonly string[] = ["vitest", "playwright"];
const FIXTURE_TYPES: readonly string[] = [...FIXTURES, "playwright_types"];

/** Builds every package in a folder below `target`. @returns the tarballs by package */
export async function buildPackages(target: string): Promise<Readonly<Record<string, string>>> {
  const folders = {
    [CLIENT_NAME]: `${target}/gateway-client`,
    [MOCK_NAME]: `${target}/gateway-mock`,
  };
  await Promise.all([buildClient(folders[CLIENT_NAME]), buildMock(folders[MOCK_NAME])]);
  const tarballs = Object.entries(folders).map(async (
    [name, folder],
  ) => [name, await pack(folder)]);
  return Object.fromEntries(await Promise.all(tarballs));
}

export async function buildClient(folder: string): Promise<void> {
  const entry = { entry: "client/mod.ts", readable: true };
  const module = `${folder}/${CLIENT_MODULE}`;
  begin(folder);
  await bundle({ ...entry, output: `${module}.js`, flags: ["--no-config", "--no-lock"] });
  await bundle({ ...entry, output: `${module}.cjs`, flags: ["--no-lock", "--format=cjs"] });
  write(folder, {
    ...types(CLIENT_MODULE, await declarations("client/mod.ts")),
    "README.md": readme("docs/client.md"),
    "package.json": manifest({
      name: CLIENT_NAME,
      description: "The client of the E-Magine Gateway, for browsers, Node and Bun",
      node: ">=20",
      modules: { ".": CLIENT_MODULE },
    }),
  });
}

async function buildMock(folder: string): Promise<void> {
  begin(folder);
  const code = `${folder}/index.cjs`;
  await bundle({
    ...{ entry: "mock/mod.ts", output: code, readable: true, comments: true },
    flags: ["--no-lock", "--format=cjs"],
  });
  await Promise.all(FIXTURES.flatMap((name) => [
    buildFixture(folder, { name, extension: "js", flags: [] }),
    buildFixture(folder, { name, extension: "cjs", flags: ["--format=cjs"] }),
  ]));
  const index = await declarations("mock/mod.ts");
  const names = [...index.matchAll(/^export declare (?:class|const|function) (\w+)/gm)]
    .map(([, name]) => name);
  write(folder, {
    ...types("index", index),
    "index.cjs": withOwnGlobals(Deno.readTextFileSync(code)),
    "index.js": `import gateway from "./index.cjs";\nexport const { ${
      names.join(", ")
    } } = gateway;\n`,
    "globals.cjs": Deno.readTextFileSync(new URL("tools/mock_globals.cjs", ROOT)),
    "README.md": mockReadme(),
    "package.json": manifest({
      name: MOCK_NAME,
      description: "The E-Magine Gateway in the process of a test, on virtual time",
      // The oldest that the matrix has; 20.11 lacks URL.parse().
      node: ">=20.19",
      modules: {
        ".": "index",
        ...Object.fromEntries(FIXTURES.map((name) => [`./${name}`, name])),
      },
    }),
  });
  for (const name of FIXTURE_TYPES) {
    const text = await ownDeclarations(`mock/fixtures/${name}.ts`);
    write(folder, {
      [`${name}.d.ts`]: refersTo(text, "js"),
      [`${name}.d.cts`]: refersTo(text, "cjs"),
    });
  }
}

/** Builds a fixture, which has all but the gateway itself. */
async function buildFixture(folder: string, { name, extension, flags }: {
  readonly name: string;
  readonly extension: "js" | "cjs";
  readonly flags: readonly string[];
}): Promise<void> {
  const output = `${folder}/${name}.${extension}`;
  await bundle({
    ...{ entry: `mock/fixtures/${name}.ts`, output, readable: true },
    flags: ["--no-lock", "--external=../mod.ts", ...flags],
  });
  Deno.writeTextFileSync(output, refersTo(Deno.readTextFileSync(output), extension));
}

/** Replaces the sources that code imports by the modules of the package. */
function refersTo(code: string, extension: "js" | "cjs"): string {
  return code.replaceAll('"../mod.ts"', `"./index.${extension}"`)
    .replace(/"\.\/(\w+)\.ts"/g, `"./$1.${extension}"`);
}

/** Puts code into a function whose parameters replace globals. Adds no line, for its source map. */
function withOwnGlobals(code: string): string {
  const end = code.lastIndexOf("//# sourceMappingURL");
  const names = Object.keys(createRequire(import.meta.url)("./mock_globals.cjs")).join(", ");
  return `(({ ${names} }) => { ${code.slice(0, end)}})(require("./globals.cjs"));\n${
    code.slice(end)
  }`;
}

/** The same types for `import` and `require`. */
function types(module: string, text: string): Readonly<Record<string, string>> {
  return { [`${module}.d.ts`]: text, [`${module}.d.cts`]: text };
}

function begin(folder: string): void {
  Deno.mkdirSync(folder, { recursive: true });
  Deno.copyFileSync(new URL("LICENSE", ROOT), `${folder}/LICENSE`);
}

function write(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    Deno.writeTextFileSync(`${folder}/${name}`, text);
  }
}

/** @param modules the name of the files of each export */
function manifest({ name, description, node, modules }: {
  readonly name: string;
  readonly description: string;
  readonly node: string;
  readonly modules: Readonly<Record<string, string>> & { readonly ".": string };
}): string {
  const conditions = (module: string) => ({
    import: { types: `./${module}.d.ts`, default: `./${module}.js` },
    require: { types: `./${module}.d.cts`, default: `./${module}.cjs` },
  });
  const exports = Object.entries(modules).map(([path, module]) => [path, conditions(module)]);
  const main = modules["."];
  const text = {
    name,
    version: project.version,
    description,
    license: project.license,
    type: "module",
    sideEffects: false,
    engines: { node },
    exports: { ...Object.fromEntries(exports), "./package.json": "./package.json" },
    main: `./${main}.cjs`,
    module: `./${main}.js`,
    types: `./${main}.d.ts`,
    files: ["*.js", "*.cjs", "*.map", "*.d.ts", "*.d.cts"],
  };
  return `${JSON.stringify(text, null, 2)}\n`;
}

/** Returns a document without links to files that the package lacks. */
function readme(path: string): string {
  const text = Deno.readTextFileSync(new URL(path, ROOT));
  return text.replace(/\[([^\]\n]+)\]\((?![a-z]+:|#)[^)\n]+\)/g, "$1");
}

/** Returns the page on the gateway in process, without the example for Deno. */
function mockReadme(): string {
  return readme("docs/testing-in-process.md")
    .replace(/^# .*\n/, "# The E-Magine Gateway in the process of a test\n")
    .replace(/<!-- generated:example-typescript -->[^]*?\n(?=\| member)/, "")
    .replace(/\[([^\]\n]+)\]\(#[^)\n]+\)/g, "$1")
    .replace(/`[\w.]+` is the complete file\.(?: |\n\n)/g, "")
    .replace(/^<!-- .* -->\n\n/gm, "");
}

/** Makes the tarball beside `folder`. @returns its path */
async function pack(folder: string): Promise<string> {
  const destination = resolve(folder, "..");
  const { success, stdout, stderr } = await new Deno.Command("npm", {
    args: ["pack", "--json", "--pack-destination", destination],
    cwd: folder,
  }).output();
  const decoder = new TextDecoder();
  if (!success) throw new Error(`npm pack did not end well:\n${decoder.decode(stderr)}`);
  const [packed]: readonly { readonly filename: string }[] = JSON.parse(decoder.decode(stdout));
  if (packed === undefined) throw new Error("npm pack has written nothing");
  return `${destination}/${packed.filename}`;
}

if (import.meta.main) {
  const tarballs = await buildPackages(fileURLToPath(new URL("dist/npm", ROOT)));
  for (const tarball of Object.values(tarballs)) {
    console.log(`${relative(fileURLToPath(ROOT), tarball)} is built`);
  }
}
