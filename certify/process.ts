/**
 * Runs the client under test as a process. The only file of this room that touches the system.
 *
 * @module
 */

import { OperationalError } from "../gateway/errors.ts";

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

/** The processes that were started and have not ended. */
const started = new Set<number>();

/**
 * Returns how to start `command`.
 *
 * @throws {OperationalError} `bad_configuration`, at a start, if there is no such program
 */
export function spawner(command: readonly [string, ...string[]]): Spawn {
  const [program, ...args] = command;
  return (env, listener) => {
    const child = start(program, args, env);
    const read = async (stream: "stdout" | "stderr"): Promise<void> => {
      let rest = "";
      for await (const text of child[stream].pipeThrough(new TextDecoderStream())) {
        const lines = (rest + text).split(/\r?\n/);
        rest = lines.pop() ?? "";
        for (const line of lines) listener.line(line, stream);
      }
      if (rest !== "") listener.line(rest, stream);
    };
    const over = Promise.all([child.status, read("stdout"), read("stderr")]);
    started.add(child.pid);
    void over.then(([{ code }]) => {
      started.delete(child.pid);
      listener.exited(code);
    });
    return {
      terminate: () => signal("SIGTERM", child.pid),
      kill: async () => {
        killGroup(child.pid);
        await over;
      },
    };
  };
}

/** Ends all clients that run. Without it they would outlive this process, as their groups are their own. */
export function killClients(): void {
  for (const pid of started) killGroup(pid);
}

/** Ends the whole group, for commands that are scripts; and the process, where there are no groups. */
function killGroup(pid: number): void {
  signal("SIGKILL", -pid);
  if (started.has(pid)) signal("SIGKILL", pid);
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
    throw new OperationalError("bad_configuration", `cannot start ${program}`, { cause: error });
  }
}
