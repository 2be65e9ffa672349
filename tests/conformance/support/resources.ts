/**
 * Resources of a process under Linux: file descriptors and resident memory.
 *
 * Through a subprocess, because Deno reads /proc only with all permissions.
 *
 * @module
 */

import assert from "node:assert/strict";

/** The number of open file descriptors of process `pid`. */
export async function descriptors(pid: number): Promise<number> {
  return (await run("ls", `/proc/${pid}/fd`)).trim().split("\n").length;
}

/** The resident memory of process `pid` in bytes. */
export async function residentBytes(
  pid: number,
  { resetPeak = false }: { readonly resetPeak?: boolean } = {},
): Promise<number> {
  if (resetPeak) await run("sh", "-c", `echo 5 > /proc/${pid}/clear_refs`);
  return await status(pid, "VmRSS");
}

/** The peak resident memory of process `pid` since the last reset, in bytes. */
export async function peakBytes(pid: number): Promise<number> {
  return await status(pid, "VmHWM");
}

async function status(pid: number, field: string): Promise<number> {
  const text = await run("cat", `/proc/${pid}/status`);
  const kilobytes = new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(text)?.[1];
  assert.ok(kilobytes !== undefined, field);
  return Number(kilobytes) * 1024;
}

async function run(program: string, ...args: readonly string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, { args: [...args] }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}
