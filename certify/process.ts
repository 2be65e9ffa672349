/**
 * All of this room that touches the system: runs the client under test as a process, and tells files apart.
 *
 * @module
 */

import { OperationalError } from "../gateway/errors.ts";
import type { Clock } from "../gateway/ports.ts";
import { toError, withTimeout } from "../gateway/util.ts";

export interface ClientListener {
  line(text: string, stream: "stdout" | "stderr"): void;
  /** Called once, after the last line. */
  exited(code: number): void;
}

export interface ClientProcess {
  /** Asks it to leave: SIGTERM. */
  terminate(): void;
  /** Ends it and what it started. Resolves when it is gone. */
  kill(): Promise<void>;
}

/** Starts the client with these variables besides its own. */
export type Spawn = (
  env: Readonly<Record<string, string>>,
  listener: ClientListener,
) => ClientProcess;

/** In characters; longer lines are passed on in pieces, so that a client without newlines fills no memory. */
const MAX_LINE = 64 * 1024;
/** For what a client that has ended still had in its pipes. A process that it left behind may hold them for ever. */
const LAST_OUTPUT_MS = 1000;

/** A client that was started. */
interface Started {
  readonly child: Deno.ChildProcess;
  /** A variable that nothing but this client and what it starts has in its environment. */
  readonly mark: string;
}

/** Those that were not killed yet: one that has ended may have left others in its group. */
const started = new Set<Started>();
let count = 0;

/**
 * Returns how to start `command`.
 *
 * @throws {OperationalError} `bad_configuration`, at a start, if there is no such program
 */
export function spawner(command: readonly [string, ...string[]], clock: Clock): Spawn {
  const [program, ...args] = command;
  return (env, listener) => {
    // In the name, not the value: a client may be a judge that marks clients of its own.
    const mark = `CERTIFY_${Deno.pid}_${++count}`;
    const child = start(program, args, { ...env, [mark]: "1" });
    const client: Started = { child, mark };
    started.add(client);
    const over = follow(child, listener, clock);
    return {
      terminate: () => signal("SIGTERM", child.pid),
      kill: async () => {
        killAll(client);
        await over;
        started.delete(client);
      },
    };
  };
}

/** Passes on the lines and the exit code. Resolves soon after the end of the process. */
async function follow(
  child: Deno.ChildProcess,
  listener: ClientListener,
  clock: Clock,
): Promise<void> {
  const giveUp = new AbortController();
  const read = async (stream: "stdout" | "stderr"): Promise<void> => {
    let rest = "";
    const decoded = child[stream].pipeThrough(new TextDecoderStream(), { signal: giveUp.signal });
    for await (const text of decoded) {
      const lines = (rest + text).split(/\r?\n/).flatMap(pieces);
      rest = lines.pop() ?? "";
      for (const line of lines) listener.line(line, stream);
    }
    if (rest !== "") listener.line(rest, stream);
  };
  const output = Promise.allSettled([read("stdout"), read("stderr")]);
  const { code } = await child.status;
  const late = (): Error => new Error("a process that the client started holds its output");
  await withTimeout(output, { clock, ms: LAST_OUTPUT_MS, late }).catch((error) =>
    giveUp.abort(error)
  );
  listener.exited(code);
}

/** `line` in parts of at most {@linkcode MAX_LINE}; an empty line is one part. */
function pieces(line: string): readonly string[] {
  const parts = Math.max(1, Math.ceil(line.length / MAX_LINE));
  return Array.from({ length: parts }, (_, n) => line.slice(n * MAX_LINE, (n + 1) * MAX_LINE));
}

/** Ends all clients that run. Without it they would outlive this process, as their groups are their own. */
export function killClients(): void {
  for (const client of started) killAll(client);
}

/** Ends this process with its clients if it is interrupted, terminated, or loses its terminal. */
export function exitOnSignals(): void {
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    Deno.addSignalListener(name, () => {
      killClients();
      Deno.exit(130);
    });
  }
}

/**
 * Ends the whole group, for commands that are scripts; the process, where there are no groups; and, on Linux,
 * processes that have left the group.
 */
function killAll({ child, mark }: Started): void {
  signal("SIGKILL", -child.pid);
  try {
    child.kill("SIGKILL");
  } catch {
    // It has already ended.
  }
  for (const pid of marked(mark)) signal("SIGKILL", pid);
}

/** The processes with the variable `mark`. Only Linux tells. */
function marked(mark: string): readonly number[] {
  if (Deno.build.os !== "linux") return [];
  // Deno itself may read /proc only with all permissions.
  const script = 'grep -ls "$0=1" /proc/[0-9]*/environ';
  const { stdout } = new Deno.Command("sh", { args: ["-c", script, mark] }).outputSync();
  return [...new TextDecoder().decode(stdout).matchAll(/\d+/g)].map(([pid]) => Number(pid));
}

function signal(name: Deno.Signal, pid: number): void {
  try {
    Deno.kill(pid, name);
  } catch {
    // It has already ended.
  }
}

function start(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Deno.ChildProcess {
  try {
    return new Deno.Command(program, {
      args: [...args],
      env: { ...env },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      detached: true,
    }).spawn();
  } catch (error) {
    throw new OperationalError("bad_configuration", `cannot start ${program}: ${reason(error)}`);
  }
}

function reason(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "there is no such program";
  if (error instanceof Deno.errors.PermissionDenied) return "it is not executable";
  return toError(error).message;
}

/** The same text for two paths exactly if they lead to one file, by symlinks or hard links too. */
export async function fileId(path: string): Promise<string> {
  const { dev, ino } = await Deno.stat(path);
  return ino === null ? await Deno.realPath(path) : `${dev}:${ino}`;
}
