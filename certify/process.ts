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
    void over.then(([{ code }]) => listener.exited(code));
    const signal = (name: Deno.Signal, pid: number): void => {
      try {
        Deno.kill(pid, name);
      } catch {
        // It has already ended.
      }
    };
    return {
      terminate: () => signal("SIGTERM", child.pid),
      kill: async () => {
        // Its whole group, for commands that are scripts; and itself, where there are no groups.
        signal("SIGKILL", -child.pid);
        signal("SIGKILL", child.pid);
        await over;
      },
    };
  };
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
