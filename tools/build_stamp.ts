/**
 * What files are, in a few characters: by which a build knows whether it is from the sources that there are,
 * and whether its own files are still as they were made.
 *
 * It reads, and writes nothing.
 *
 * @module
 */

import { createHash } from "node:crypto";

/**
 * The paths of the files below `path`, which is relative to `root`, in order; a path that does not end in a
 * slash is a file itself.
 *
 * What is no file is left out: an editor's lock, for one, is a symbolic link to nothing. So is a link to a
 * folder, of which nobody knows that it ever ends.
 */
export function filesBelow(path: string, root: URL): readonly string[] {
  if (!path.endsWith("/")) return isFile(new URL(path, root)) ? [path] : [];
  return [...Deno.readDirSync(new URL(path, root))].flatMap(({ name, isDirectory }) =>
    filesBelow(`${path}${encodeURIComponent(name)}${isDirectory ? "/" : ""}`, root)
  ).sort();
}

/** Whether there is a file at `url`, links followed. */
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

/** A digest of the files at `paths` below `root`: of their names and of what is in them. */
export function digestOf(paths: readonly string[], root: URL): string {
  const hash = createHash("sha256");
  for (const path of paths) {
    const bytes = Deno.readFileSync(new URL(path, root));
    hash.update(`${path}\n${bytes.byteLength}\n`).update(bytes);
  }
  return hash.digest("hex");
}
