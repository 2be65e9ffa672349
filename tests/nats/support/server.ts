/**
 * Runs a real nats-server for a test, in a temporary directory; it can be stopped, frozen and restarted.
 *
 * @module
 */

import { lines } from "../../log/support/lines.ts";
import { needs, variable } from "../../permissions.ts";

const COMMAND = variable("NATS_SERVER") ?? "nats-server";

/** The reason why no nats-server can be started here, if any. */
export const NO_NATS: string | undefined = needs("env", "net", "read", "run", "write") ??
  await whyNot();

async function whyNot(): Promise<string | undefined> {
  try {
    await new Deno.Command(COMMAND, { args: ["--version"], stdout: "null" }).output();
    return undefined;
  } catch {
    return `there is no ${COMMAND} on this machine`;
  }
}

export interface NatsServerOptions {
  /** Lines for its configuration file. */
  readonly config?: string;
  /** The port; a free one by default. */
  readonly port?: number;
}

/** Free ports. */
function freePorts(count: number): readonly number[] {
  const listeners = Array.from({ length: count }, () => Deno.listen({ port: 0 }));
  const ports = listeners.map(({ addr }) => addr.transport === "tcp" ? addr.port : 0);
  for (const listener of listeners) listener.close();
  return ports;
}

/** A cluster of `size` servers that are ready. */
export async function startCluster(size: number): Promise<readonly NatsServer[]> {
  const ports = freePorts(size);
  const routes = ports.map((port) => `nats://127.0.0.1:${port}`).join(", ");
  return await Promise.all(ports.map((port, index) => {
    const cluster = `cluster { name: test, listen: "127.0.0.1:${port}", routes: [${routes}] }`;
    return NatsServer.start({ config: `server_name: n${index}\n${cluster}` });
  }));
}

/** A nats-server with JetStream, and its files. */
export class NatsServer implements AsyncDisposable {
  readonly #directory = Deno.makeTempDirSync({ prefix: "nats-" });
  readonly #config: string;
  #port: number;
  #child: Deno.ChildProcess | undefined;
  #log: Promise<void> = Promise.resolve();

  private constructor({ config = "", port = -1 }: NatsServerOptions) {
    this.#config = config;
    this.#port = port;
  }

  /** Starts one; resolves when it is ready. */
  static async start(options: NatsServerOptions = {}): Promise<NatsServer> {
    const server = new NatsServer(options);
    await server.start();
    return server;
  }

  get url(): string {
    return `nats://127.0.0.1:${this.#port}`;
  }

  /** Its process id; `undefined` while it does not run. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Restarts it with its stored data, at the same port. */
  async start(): Promise<void> {
    const path = `${this.#directory}/server.conf`;
    Deno.writeTextFileSync(
      path,
      `host: 127.0.0.1\nport: ${this.#port}\n` +
        `jetstream { store_dir: "${this.#directory}/data" }\n${this.#config}\n`,
    );
    const command = new Deno.Command(COMMAND, {
      args: ["-c", path],
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    });
    const child = this.#child = command.spawn();
    const ready = Promise.withResolvers<void>();
    this.#log = this.#follow(child, ready.resolve);
    const ended = child.status.then(({ code }) => {
      throw new Error(`nats-server ended with ${code} before it was ready`);
    });
    await Promise.race([ready.promise, ended]);
    ended.catch(() => {});
  }

  /** Sends it a signal: `SIGCONT` resumes a frozen one. */
  signal(signal: Deno.Signal): void {
    this.#child?.kill(signal);
  }

  /** Freezes it, and waits until all of its threads are stopped. */
  async freeze(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    child.kill("SIGSTOP");
    const args = ["-c", `cat /proc/${child.pid}/task/*/stat`];
    for (;;) {
      const { stdout } = await new Deno.Command("sh", { args }).output();
      // The state follows the name, which is in brackets.
      const states = new TextDecoder().decode(stdout).trim().split("\n")
        .map((line) => /\) (\S)/.exec(line)?.[1]);
      if (states.every((state) => state === "T")) return;
    }
  }

  /** Ends it with `signal`, and waits for the end. */
  async stop(signal: Deno.Signal = "SIGKILL"): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    this.#child = undefined;
    child.kill(signal);
    await child.status;
    await this.#log;
  }

  /** Deletes its stored data. It must not be running. */
  forget(): void {
    Deno.removeSync(`${this.#directory}/data`, { recursive: true });
  }

  /** Ends it and deletes its files. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    Deno.removeSync(this.#directory, { recursive: true });
  }

  async #follow(child: Deno.ChildProcess, ready: () => void): Promise<void> {
    for await (const line of lines(child.stderr)) {
      const port = /Listening for client connections on \S+:(\d+)/.exec(line)?.[1];
      if (port !== undefined) this.#port = Number(port);
      if (line.includes("Server is ready")) ready();
    }
  }
}
