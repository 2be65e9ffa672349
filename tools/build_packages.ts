/**
 * Builds the npm packages, each in a folder and a tarball under `dist/npm/`. The client has one module for
 * `import` and one for `require`, each with its types, and no dependencies. Their code stays readable, for stack
 * traces; an app's bundler minifies it.
 *
 *     deno task build:packages
 *
 * @module
 */

import { relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import project from "../deno.json" with { type: "json" };
import { bundle, ROOT } from "./bundler.ts";

export const CLIENT_NAME = "@emagine/gateway-client";

const CLIENT_FOLDER = "gateway-client";
const CLIENT_MODULE = "emagine-client";

/**
 * Declarations for projects whose `lib` lacks them: ES2022 has no `AsyncDisposable`, and a project without the
 * types of the DOM and Node neither class. Where they exist, these add nothing. The sources do not need them,
 * because Deno declares them.
 */
const GLOBALS = `declare global {
  interface SymbolConstructor {
    readonly asyncDispose: unique symbol;
  }
  interface AsyncDisposable {
    [Symbol.asyncDispose](): PromiseLike<void>;
  }
  interface AbortSignal {}
  interface URL {}
}
`;

/** Builds every package in a folder below `target`. @returns the tarballs by package */
export async function buildPackages(target: string): Promise<Readonly<Record<string, string>>> {
  const folder = `${target}/${CLIENT_FOLDER}`;
  await buildClient(folder);
  return { [CLIENT_NAME]: await pack(folder) };
}

export async function buildClient(folder: string): Promise<void> {
  Deno.mkdirSync(folder, { recursive: true });
  const module = `${folder}/${CLIENT_MODULE}`;
  // With the project's configuration, declarations would depend on Deno's types.
  const flags = ["--no-config", "--no-lock"];
  const client = { entry: "client/mod.ts", readable: true };
  await bundle({ ...client, output: `${module}.js`, flags: [...flags, "--declaration"] });
  await bundle({ ...client, output: `${module}.cjs`, flags: [...flags, "--format=cjs"] });
  const types = Deno.readTextFileSync(`${module}.d.ts`) + GLOBALS;
  for (const name of ["d.ts", "d.cts"]) Deno.writeTextFileSync(`${module}.${name}`, types);
  Deno.writeTextFileSync(`${folder}/package.json`, `${JSON.stringify(manifest(), null, 2)}\n`);
  Deno.writeTextFileSync(`${folder}/README.md`, readme());
  Deno.copyFileSync(new URL("LICENSE", ROOT), `${folder}/LICENSE`);
}

function manifest(): unknown {
  const file = (extension: string) => `./${CLIENT_MODULE}.${extension}`;
  return {
    name: CLIENT_NAME,
    version: project.version,
    description: "The client of the E-Magine Gateway, for browsers, Node and Bun",
    license: project.license,
    type: "module",
    sideEffects: false,
    engines: { node: ">=20" },
    exports: {
      ".": {
        import: { types: file("d.ts"), default: file("js") },
        require: { types: file("d.cts"), default: file("cjs") },
      },
      "./package.json": "./package.json",
    },
    main: file("cjs"),
    module: file("js"),
    types: file("d.ts"),
    files: [`${CLIENT_MODULE}.*`],
  };
}

/** Returns the client's document without links to files that the package lacks. */
function readme(): string {
  const text = Deno.readTextFileSync(new URL("docs/client.md", ROOT));
  return text.replace(/\[([^\]\n]+)\]\((?![a-z]+:|#)[^)\n]+\)/g, "$1");
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
