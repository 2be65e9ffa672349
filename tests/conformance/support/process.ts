/**
 * The suite's own gateways: starts a process with the settings of a test, waits until it listens, and makes sure
 * that it is gone afterwards.
 *
 * `CONFORMANCE_COMMAND` is the program with arguments, separated by spaces: the gateway itself, not a program that
 * starts it, because it is sent signals. By default, it is what `deno task start` runs, with the same permissions.
 * `CONFORMANCE_TRANSPORT` is the transport, `deno` by default.
 *
 * @module
 */

import assert from "node:assert/strict";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { variable } from "../../permissions.ts";
import { end, Output } from "./child.ts";
import { Target } from "./target.ts";
import { within } from "./wait.ts";

/** Environment variables. */
export type Settings = Readonly<Record<string, string>>;

/** The gateway to test is another program than the one in this folder, such as a compiled binary. */
export const IS_OTHER: boolean = variable("CONFORMANCE_COMMAND") !== undefined;

/** The default GATEWAY_TRANSPORT of gateways. */
export const TRANSPORT: string = variable("CONFORMANCE_TRANSPORT") ?? "deno";

export const ROOT: string = resolve(dirname(fileURLToPath(import.meta.url)), "../../..");

/** The output and status of a process. */
export interface Ended {
  readonly code: number;
  readonly signal: Deno.Signal | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The part of deno.json that is read. */
interface StartTask {
  readonly tasks: { readonly start: { readonly command: string } };
}

/** The program and its arguments. */
export function command(): readonly [string, ...string[]] {
  const given = Deno.env.get("CONFORMANCE_COMMAND");
  if (given !== undefined) {
    const [program = "", ...rest] = given.trim().split(/\s+/);
    return [program.includes("/") ? resolve(Deno.cwd(), program) : program, ...rest];
  }
  const config: StartTask = JSON.parse(Deno.readTextFileSync(resolve(ROOT, "deno.json")));
  // The console is built before it.
  const last = config.tasks.start.command.split("&&").at(-1) ?? "";
  const [program, ...rest] = last.trim().split(/\s+/);
  assert.equal(program, "deno", "the start task of deno.json runs deno");
  return [Deno.execPath(), ...rest];
}

function spawn(settings: Settings, args: readonly string[]): Deno.ChildProcess {
  const [program, ...rest] = command();
  const inherited = ["PATH", "HOME", "DENO_DIR", "TMPDIR", "NO_PROXY"].flatMap((name) => {
    const value = Deno.env.get(name);
    return value === undefined ? [] : [[name, value]];
  });
  return new Deno.Command(program, {
    args: [...rest, ...args],
    cwd: ROOT,
    clearEnv: true,
    env: { ...Object.fromEntries(inherited), ...settings },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** Runs a gateway that should end by itself: a start that fails, `--help`. */
export async function runToEnd(settings: Settings, args: readonly string[] = []): Promise<Ended> {
  const child = spawn(settings, args);
  try {
    const output = await within("the process to end by itself", child.output());
    const decoder = new TextDecoder();
    return {
      code: output.code,
      signal: output.signal,
      stdout: decoder.decode(output.stdout),
      stderr: decoder.decode(output.stderr),
    };
  } catch (error) {
    child.kill("SIGKILL");
    throw error;
  }
}

/**
 * Sends a signal to a gateway that does not listen yet, as soon as `reached` says that its start is where the
 * test wants it.
 */
export async function endWhileStarting(
  { settings, signal, reached }: {
    readonly settings: Settings;
    readonly signal: Deno.Signal;
    readonly reached: (output: Output) => Promise<unknown>;
  },
): Promise<Deno.CommandStatus> {
  const child = spawn(settings, []);
  const output = new Output(child);
  try {
    await within("the start to get this far", reached(output));
    const status = await within(`the process to end on ${signal}`, end(child, signal));
    assert.ok(!output.lines.some((line) => urlIn(line) !== undefined), "it did not listen");
    return status;
  } finally {
    await end(child, "SIGKILL");
  }
}

export interface StartOptions {
  /** Settings besides those that every gateway of the suite has. */
  readonly settings?: Settings;
  /** Directory of the log, which outlives the process; by default, one that is deleted with it. */
  readonly dataDir?: string;
  /** Arguments, such as `--mock`. */
  readonly args?: readonly string[];
}

export class GatewayProcess extends Target implements AsyncDisposable {
  readonly pid: number;
  readonly #child: Deno.ChildProcess;
  readonly #output: Output;
  readonly #dataDir: string | undefined;
  #expectedToEnd = false;

  private constructor(
    started: { url: string; child: Deno.ChildProcess; output: Output; dataDir: string | undefined },
    publishKey: string,
  ) {
    super([started.url], publishKey);
    this.#child = started.child;
    this.#output = started.output;
    this.#dataDir = started.dataDir;
    this.pid = started.child.pid;
  }

  /** Starts a gateway on a free port and waits until it listens. */
  static async start(options: StartOptions = {}): Promise<GatewayProcess> {
    const own = options.dataDir === undefined ? await Deno.makeTempDir() : undefined;
    const settings = {
      GATEWAY_PORT: "0",
      GATEWAY_DATA_DIR: options.dataDir ?? own ?? "",
      GATEWAY_LOG_FORMAT: "json",
      GATEWAY_LOG_LEVEL: "debug",
      GATEWAY_TRANSPORT: TRANSPORT,
      ...options.settings,
    };
    const child = spawn(settings, options.args ?? []);
    const output = new Output(child);
    try {
      const line = await output.line("listening", (text) => urlIn(text) !== undefined);
      const started = { url: urlIn(line) ?? "", child, output, dataDir: own };
      return new GatewayProcess(started, options.settings?.["GATEWAY_PUBLISH_KEY"] ?? "dev");
    } catch (error) {
      await end(child, "SIGKILL");
      if (own !== undefined) await Deno.remove(own, { recursive: true });
      throw error;
    }
  }

  /** Waits for a line of the log that contains `text`. */
  async logLine(text: string): Promise<string> {
    return await this.#output.line(text, (line) => line.includes(text));
  }

  /** The log so far, as lines. */
  get log(): readonly string[] {
    return this.#output.lines;
  }

  /** Sends a signal that does not end the process. */
  signal(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  /** Sends a signal that should end the process, and returns its status. */
  async end(signal: "SIGTERM" | "SIGINT" | "SIGHUP" | "SIGKILL"): Promise<Deno.CommandStatus> {
    this.#expectedToEnd = true;
    return await within(`the process to end on ${signal}`, end(this.#child, signal));
  }

  /** Ends the process. Throws if it had already ended: a gateway does not crash. */
  async [Symbol.asyncDispose](): Promise<void> {
    const status = await end(this.#child, "SIGKILL");
    if (this.#dataDir !== undefined) await Deno.remove(this.#dataDir, { recursive: true });
    if (this.#expectedToEnd || status.signal === "SIGKILL") return;
    const last = this.#output.lines.slice(-20).join("\n");
    assert.fail(`the gateway ended by itself with ${status.code} ${status.signal}:\n${last}`);
  }
}

/** The address in the log at which the gateway listens. */
function urlIn(line: string): string | undefined {
  return /listening/i.test(line) ? /https?:\/\/[^\s"/]+:\d+/.exec(line)?.[0] : undefined;
}
