/**
 * Starts `child.ts` and talks to it.
 *
 * @module
 */

import type { Answer, Command } from "./child.ts";
import { lines } from "./lines.ts";

/** A process with a log in it. */
export class Child implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array>;
  readonly #lines: AsyncGenerator<string, void>;

  /**
   * Starts it. `wrapper` is a shell script that ends in `exec "$@"`: what has to be so before the
   * process begins.
   */
  constructor(wrapper = 'exec "$@"') {
    const script = new URL("./child.ts", import.meta.url).pathname;
    const command = [Deno.execPath(), "run", "-A", "--no-check", decodeURIComponent(script)];
    this.#process = new Deno.Command("sh", {
      args: ["-c", wrapper, "sh", ...command],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#stdin = this.#process.stdin.getWriter();
    this.#lines = lines(this.#process.stdout);
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** Sends a command; its answer is the next. */
  async send(command: Command): Promise<void> {
    await this.#stdin.write(new TextEncoder().encode(JSON.stringify(command) + "\n"));
  }

  /** The next answer; `undefined` when the process has ended. */
  async next(): Promise<Answer | undefined> {
    const { value } = await this.#lines.next();
    return value === undefined ? undefined : JSON.parse(value);
  }

  async ask(command: Command): Promise<Answer> {
    await this.send(command);
    const answer = await this.next();
    if (answer === undefined) throw new Error("the child has ended");
    return answer;
  }

  /** Kills it with SIGKILL; once it is gone, gives the answers that it had still sent. */
  async kill(): Promise<readonly Answer[]> {
    try {
      this.#process.kill("SIGKILL");
    } catch {
      // It has ended already.
    }
    await this.#stdin.close().catch(() => {});
    const answers: Answer[] = [];
    for (let answer = await this.next(); answer; answer = await this.next()) answers.push(answer);
    await this.#process.status;
    return answers;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}
