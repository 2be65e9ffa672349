/**
 * Inspects the machine: installed programs, descriptors, cores.
 *
 * @module
 */

import { join } from "node:path";

/** The cores of generator and servers; `undefined` for any. */
export interface Cores {
  readonly generator: number | undefined;
  readonly server: number | undefined;
}

/** Pins this process to its own core, given two cores and `taskset`. */
export async function pinGenerator(): Promise<Cores> {
  const args = ["-acp", "0", String(Deno.pid)];
  const pinned = navigator.hardwareConcurrency > 1 && await firstLine("taskset", args);
  return pinned ? { generator: 0, server: 1 } : { generator: undefined, server: undefined };
}

/** Rejects unless a process may have `count` descriptors. Deno and Node raise their limit themselves. */
export async function checkDescriptors(count: number): Promise<void> {
  const limit = Number(await firstLine("sh", ["-c", "ulimit -Hn"]));
  if (limit < count) {
    throw new Error(`a process needs ${count} descriptors, and may have ${limit} (ulimit -Hn)`);
  }
}

/** Returns the first line of a program's output; `undefined` if it fails. */
export async function firstLine(
  program: string,
  args: readonly string[],
): Promise<string | undefined> {
  try {
    const output = await new Deno.Command(program, { args: [...args], stderr: "null" }).output();
    if (!output.success) return undefined;
    return new TextDecoder().decode(output.stdout).split("\n")[0];
  } catch {
    return undefined;
  }
}

export async function processor(): Promise<string> {
  const name = await firstLine("sed", ["-n", "s/^model name.*: //p", "/proc/cpuinfo"]);
  return `${navigator.hardwareConcurrency} × ${name ?? "unknown"}`;
}

/** Installs the npm packages of `directory`, unless they are up to date. */
export async function install(directory: string): Promise<void> {
  const lock = Deno.statSync(join(directory, "package-lock.json")).mtime;
  const done = modified(join(directory, "node_modules/.package-lock.json"));
  if (lock !== null && done !== undefined && done >= lock) return;
  console.error("npm ci");
  const npm = new Deno.Command("npm", {
    args: ["ci", "--no-audit", "--no-fund"],
    cwd: directory,
    stdout: "null",
  });
  if (!(await npm.output()).success) throw new Error(`npm ci failed in ${directory}`);
}

function modified(path: string): Date | undefined {
  try {
    return Deno.statSync(path).mtime ?? undefined;
  } catch {
    return undefined;
  }
}

export function packageVersion(directory: string, name: string): string {
  const manifest = join(directory, "node_modules", name, "package.json");
  const { version }: { readonly version: string } = JSON.parse(Deno.readTextFileSync(manifest));
  return version;
}
