/**
 * Runs a server in a process of its own, with as many descriptors as the system grants, pinned to a core if
 * asked. Shows its output if it does not start.
 *
 * @module
 */

import { end } from "../../tests/conformance/support/child.ts";
import { eventually } from "../../tests/conformance/support/wait.ts";

/** Raises the limit of descriptors, then replaces the shell, so that its process id is the server's. */
const SCRIPT = 'ulimit -n "$(ulimit -Hn)"; output=$1; shift; exec "$@" >"$output" 2>&1';

export interface Launch {
  /** The program and its arguments. */
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** The port for publishes. Default: that of the clients. */
  readonly publishPort?: number;
}

export interface Place {
  /** The port to listen on. */
  readonly port: number;
  /** Another port, for publishes. */
  readonly apiPort: number;
  readonly directory: string;
  /** The core to pin it to. */
  readonly core: number | undefined;
}

export class ServerProcess implements AsyncDisposable {
  readonly pid: number;
  /** The port for clients. */
  readonly port: number;
  readonly publishPort: number;
  readonly #child: Deno.ChildProcess;

  private constructor(child: Deno.ChildProcess, port: number, publishPort: number) {
    this.#child = child;
    this.pid = child.pid;
    this.port = port;
    this.publishPort = publishPort;
  }

  /** Waits until it accepts connections. */
  static async start(launch: Launch, { port, directory, core }: Place): Promise<ServerProcess> {
    const output = `${directory}/output`;
    const publishPort = launch.publishPort ?? port;
    const pinned = core === undefined ? [] : ["taskset", "-c", String(core)];
    const inherited = ["PATH", "HOME", "DENO_DIR"].flatMap((name) => {
      const value = Deno.env.get(name);
      return value === undefined ? [] : [[name, value]];
    });
    const child = new Deno.Command("sh", {
      args: ["-c", SCRIPT, "sh", output, ...pinned, ...launch.command],
      clearEnv: true,
      env: { ...Object.fromEntries(inherited), ...launch.env },
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    let ended = false;
    void child.status.then(() => ended = true);
    try {
      await eventually(`${launch.command[0]} to listen`, async () => {
        if (ended) throw new Error("it ended before it listened");
        return await accepts(port) && await accepts(publishPort) ? true : undefined;
      });
      return new ServerProcess(child, port, publishPort);
    } catch (cause) {
      await end(child, "SIGKILL");
      const last = Deno.readTextFileSync(output).split("\n").slice(-20).join("\n");
      throw new Error(`${launch.command.join(" ")} did not start:\n${last}`, { cause });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await end(this.#child, "SIGKILL");
  }
}

/** Returns an unused port on loopback. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

async function accepts(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch {
    return false;
  }
}
