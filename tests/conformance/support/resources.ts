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
export async function residentBytes(pid: number): Promise<number> {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(await run("cat", `/proc/${pid}/status`))?.[1];
  assert.ok(kilobytes !== undefined, "VmRSS");
  return Number(kilobytes) * 1024;
}

async function run(program: string, path: string): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, { args: [path] }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}
