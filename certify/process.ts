/**
 * Runs the client under test as a process. The only file of this room that touches the system.
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

/** The processes that were started and not killed yet: one that has ended may have left others in its group. */
const started = new Set<Deno.ChildProcess>();

/**
 * Returns how to start `command`.
 *
 * @throws {OperationalError} `bad_configuration`, at a start, if there is no such program
 */
export function spawner(command: readonly [string, ...string[]], clock: Clock): Spawn {
  const [program, ...args] = command;
  return (env, listener) => {
    const child = start(program, args, env);
    started.add(child);
    const over = follow(child, listener, clock);
    return {
      terminate: () => signal("SIGTERM", child.pid),
      kill: async () => {
        killGroup(child);
        await over;
        started.delete(child);
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
  for (const child of started) killGroup(child);
}

/** Ends the whole group, for commands that are scripts; and the process, where there are no groups. */
function killGroup(child: Deno.ChildProcess): void {
  signal("SIGKILL", -child.pid);
  try {
    child.kill("SIGKILL");
  } catch {
    // It has already ended.
  }
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
