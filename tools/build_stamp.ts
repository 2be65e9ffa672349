/**
 * Computes digests of files, by which a build knows whether its sources or its output have changed.
 *
 * @module
 */

import { createHash } from "node:crypto";

/**
 * Returns the paths of the files below `path`, relative to `root` and sorted; a path without a slash at its end is
 * a file itself. Leaves out links to nothing, such as an editor's lock, and links to folders, which may be cyclic.
 */
export function filesBelow(path: string, root: URL): readonly string[] {
  if (!path.endsWith("/")) return isFile(new URL(path, root)) ? [path] : [];
  return [...Deno.readDirSync(new URL(path, root))].flatMap(({ name, isDirectory }) =>
    filesBelow(`${path}${encodeURIComponent(name)}${isDirectory ? "/" : ""}`, root)
  ).sort();
}

/** Follows links. */
function isFile(url: URL): boolean {
  try {
    return Deno.statSync(url).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.FilesystemLoop) {
      return false;
    }
    throw error;
  }
}

/** Returns a digest of the names and contents of the files at `paths` below `root`. */
export function digestOf(paths: readonly string[], root: URL): string {
  const hash = createHash("sha256");
  for (const path of paths) {
    const bytes = Deno.readFileSync(new URL(path, root));
    hash.update(`${path}\n${bytes.byteLength}\n`).update(bytes);
  }
  return hash.digest("hex");
}
