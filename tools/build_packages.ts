/**
 * Builds the client for browsers and Node: `dist/client/` is a package of npm's form, with the client as one
 * module, its types and no dependencies.
 *
 *     deno task build:client
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import project from "../deno.json" with { type: "json" };
import { bundle, ROOT } from "./bundler.ts";

/** The name under which npm knows it. */
export const PACKAGE_NAME = "@emagine/gateway-client";

const MODULE = "emagine-client.js";
const TYPES = "emagine-client.d.ts";

/** Builds the package into `folder`. @throws {Error} why it cannot be built */
export async function buildClient(folder: string): Promise<void> {
  Deno.mkdirSync(folder, { recursive: true });
  await bundle({
    entry: "client/mod.ts",
    output: `${folder}/${MODULE}`,
    readable: true,
    // With the project's configuration the types are those of Deno, and cannot be had without it.
    flags: ["--no-config", "--no-lock", "--declaration"],
  });
  Deno.writeTextFileSync(`${folder}/package.json`, `${JSON.stringify(manifest(), null, 2)}\n`);
  Deno.copyFileSync(new URL("LICENSE", ROOT), `${folder}/LICENSE`);
}

function manifest(): unknown {
  return {
    name: PACKAGE_NAME,
    version: project.version,
    description: "The client of the E-Magine Gateway, for browsers and Node",
    license: project.license,
    type: "module",
    sideEffects: false,
    exports: { ".": { types: `./${TYPES}`, default: `./${MODULE}` } },
    types: `./${TYPES}`,
    files: [MODULE, TYPES],
  };
}

if (import.meta.main) {
  await buildClient(fileURLToPath(new URL("dist/client", ROOT)));
  console.log("dist/client/ is built");
}
