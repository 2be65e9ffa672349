/**
 * Runs `certify` on the examples and on `wrong_client.mjs`. Tests load it late, because a run without permissions
 * cannot load `ws`.
 *
 * @module
 */

import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { Check, Verdict } from "../../certify/check.ts";
import { runCertifyCommand } from "../../certify/command.ts";
import { judge } from "../../certify/judge.ts";
import { type ClientProcess, fileId, spawner } from "../../certify/process.ts";
import { SystemClock } from "../../gateway/runtime/clock.ts";
import { ROOT } from "../tidy/sources.ts";

export interface CertifyRun {
  readonly code: number;
  readonly text: string;
  readonly files: ReadonlyMap<string, string>;
}

/** Runs the command, but writes no files; those in `/no` cannot be written, those in `/full` only if empty. */
export async function certify(...args: readonly string[]): Promise<CertifyRun> {
  const lines: string[] = [];
  const files = new Map<string, string>();
  const code = await runCertifyCommand(args, {
    clock: new SystemClock(),
    print: (line) => lines.push(line),
    // Paths of one folder, or of a real file.
    fileId: (path) => existsSync(path) ? fileId(path) : Promise.resolve(resolve(path)),
    writeFile: (path, text) => {
      if (path.startsWith("/no/")) return Promise.reject(new Error("no such folder"));
      if (path.startsWith("/full/") && text !== "") return Promise.reject(new Error("disk full"));
      return Promise.resolve(void files.set(path, text));
    },
  });
  return { code, text: lines.join("\n"), files };
}

/** The command line of the client with one fault of `FAULTS`, or without one: `none`. */
export function wrongClient(fault: string): readonly [string, ...string[]] {
  const path = fileURLToPath(new URL("tests/certify/wrong_client.mjs", ROOT));
  const permissions = ["--no-prompt", "--allow-net=127.0.0.1", "--allow-env"];
  return [Deno.execPath(), "run", ...permissions, path, fault];
}

export interface JudgeOptions {
  readonly checks: readonly Check[];
  readonly atOnce: number;
}

export function judgeCommand(
  command: readonly [string, ...string[]],
  options: JudgeOptions,
): Promise<readonly Verdict[]> {
  const clock = new SystemClock();
  return judge({ ...options, clock, spawn: spawner(command, clock) });
}

export interface StartedClient extends Pick<ClientProcess, "kill"> {
  readonly lines: readonly string[];
  readonly firstLine: Promise<string>;
  /** The exit code. */
  readonly exited: Promise<number>;
}

/** Starts a command as `certify` does. */
export function start(command: readonly [string, ...string[]]): StartedClient {
  const lines: string[] = [];
  const first = Promise.withResolvers<string>();
  const exit = Promise.withResolvers<number>();
  const { kill } = spawner(command, new SystemClock())({}, {
    line: (text) => {
      lines.push(text);
      first.resolve(text);
    },
    exited: exit.resolve,
  });
  return { lines, firstLine: first.promise, exited: exit.promise, kill };
}

/** Calls `act` for each item, several at a time. */
export async function sideBySide<T>(
  items: readonly T[],
  atOnce: number,
  act: (item: T) => Promise<void>,
): Promise<void> {
  const waiting = [...items];
  const work = async (): Promise<void> => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await act(item);
  };
  await Promise.all(Array.from({ length: atOnce }, work));
}
