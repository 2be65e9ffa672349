/**
 * What a process holds, as Linux tells: file descriptors and resident memory.
 *
 * By subprocess, because Deno reads /proc only with every permission there is.
 *
 * @module
 */

import assert from "node:assert/strict";

/** How many file descriptors process `pid` has open. */
export async function descriptors(pid: number): Promise<number> {
  return (await run("ls", `/proc/${pid}/fd`)).trim().split("\n").length;
}

/** How many bytes of process `pid` are in memory. */
export async function residentBytes(
  pid: number,
  { resetPeak = false }: { readonly resetPeak?: boolean } = {},
): Promise<number> {
  if (resetPeak) await run("sh", "-c", `echo 5 > /proc/${pid}/clear_refs`);
  return await status(pid, "VmRSS");
}

/** How many bytes of process `pid` were in memory at most since the peak was reset. */
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
