/**
 * Runs scripts with a WebSocket client other than JavaScript's: Debian's python3-websockets.
 *
 * @module
 */

import { resolve } from "node:path";
import { end, Output } from "./child.ts";
import { ROOT } from "./process.ts";

const PYTHON = "/usr/bin/python3";

export class PythonScript implements AsyncDisposable {
  readonly output: Output;
  readonly status: Promise<Deno.CommandStatus>;
  readonly #child: Deno.ChildProcess;

  private constructor(child: Deno.ChildProcess) {
    this.#child = child;
    this.output = new Output(child);
    this.status = child.status;
  }

  /** Starts the script at `path` in the project's root, and writes the line `input` to it. */
  static async start(
    path: string,
    { args = [], env = {}, input = "" }: {
      readonly args?: readonly string[];
      readonly env?: Readonly<Record<string, string>>;
      readonly input?: string;
    },
  ): Promise<PythonScript> {
    const child = new Deno.Command(PYTHON, {
      args: [resolve(ROOT, path), ...args],
      env,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    await using stack = new AsyncDisposableStack();
    const script = stack.use(new PythonScript(child));
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(`${input}\n`));
    await writer.close();
    stack.move();
    return script;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await end(this.#child, "SIGKILL");
  }
}

/** Returns the reason why scripts cannot run; `undefined` if they can. */
export async function noPython(): Promise<string | undefined> {
  try {
    const { success } = await new Deno.Command(PYTHON, {
      args: ["-c", "import websockets"],
      stdout: "null",
      stderr: "null",
    }).output();
    if (success) return undefined;
  } catch {
    // It is not installed.
  }
  return `${PYTHON} has no websockets; Debian's package is python3-websockets`;
}
