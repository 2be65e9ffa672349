/**
 * Temporary directories in memory.
 *
 * @module
 */

/** A new directory, in memory if the machine has such a file system. */
export function tempDirectory(): string {
  return Deno.makeTempDirSync(hasMemoryDisk() ? { dir: "/dev/shm" } : {});
}

function hasMemoryDisk(): boolean {
  try {
    return Deno.statSync("/dev/shm").isDirectory;
  } catch {
    return false;
  }
}
