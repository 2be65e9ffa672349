/**
 * The files of the project for the tidiness tests: paths from the root, with slashes.
 *
 * @module
 */

import { mask, specifiers } from "./mask.ts";

/** The root folder. */
export const ROOT: URL = new URL("../../", import.meta.url);

const SKIPPED = new Set(["node_modules", "dist", "data", "coverage", ".git"]);

/** A TypeScript file. */
export interface Source {
  readonly path: string;
  readonly text: string;
  /** The text without comments and the contents of strings. */
  readonly code: string;
  /** Its imports: paths from the root for own files, specifiers otherwise. */
  readonly imports: readonly string[];
}

export function read(path: string): string {
  return Deno.readTextFileSync(new URL(path, ROOT));
}

/** The paths of all files below `folder` that belong to the project. */
export function walk(folder = ""): readonly string[] {
  return [...Deno.readDirSync(new URL(folder, ROOT))].flatMap(({ name, isDirectory }) => {
    if (!isDirectory) return [folder + name];
    return SKIPPED.has(name) ? [] : walk(`${folder}${name}/`);
  }).sort();
}

/** The path of `specifier` in the file at `path`. */
function resolve(specifier: string, path: string): string {
  if (!specifier.startsWith(".")) return specifier;
  return new URL(specifier, `file:///${path}`).pathname.slice(1);
}

/** The TypeScript file at `path`. */
export function parse(path: string, text: string): Source {
  const code = mask(text);
  // A comment imports the types beside an untyped library.
  const types = [...text.matchAll(/@ts-types=\x22(.+?)\x22/g)].map(([, name = ""]) => name);
  const names = [...specifiers(text, code), ...types];
  return { path, text, code, imports: names.map((name) => resolve(name, path)) };
}

/** Every TypeScript file of the project. */
export function sources(): readonly Source[] {
  return walk().filter((path) => path.endsWith(".ts")).map((path) => parse(path, read(path)));
}
