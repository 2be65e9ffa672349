/**
 * Starts `child.ts` and talks to it.
 *
 * @module
 */

import type { Answer, Command } from "./child.ts";
import { lines } from "./lines.ts";

/** A process with a log. */
export class Child implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array>;
  readonly #lines: AsyncGenerator<string, void>;

  /**
   * Starts it. `wrapper` is a shell script that ends in `exec "$@"` and prepares the process before
   * that.
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

  /** Sends a command, which the next answer is for. */
  async send(command: Command): Promise<void> {
    await this.#stdin.write(new TextEncoder().encode(JSON.stringify(command) + "\n"));
  }

  /** The next answer; `undefined` after the process has ended. */
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

  /** Kills it with SIGKILL; returns the answers that it had sent, once it has ended. */
  async kill(): Promise<readonly Answer[]> {
    try {
      this.#process.kill("SIGKILL");
    } catch {
      // It has already ended.
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
