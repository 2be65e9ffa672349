/**
 * The floor of an HTTP server on this runtime: a bare `Deno.serve` that reads and answers JSON, in a process
 * of its own.
 *
 * @module
 */

import { fileURLToPath } from "node:url";

if (import.meta.main) {
  Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    onListen: ({ port }) => console.log(`http://127.0.0.1:${port}`),
  }, async (request) => {
    const { author } = await request.json();
    return Response.json({ author }, { status: 201 });
  });
}

export class Echo implements AsyncDisposable {
  readonly url: string;
  readonly pid: number;
  readonly #child: Deno.ChildProcess;

  private constructor(url: string, child: Deno.ChildProcess) {
    this.url = url;
    this.pid = child.pid;
    this.#child = child;
  }

  static async start(): Promise<Echo> {
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-prompt", "--allow-net", fileURLToPath(import.meta.url)],
      stdin: "null",
      stdout: "piped",
    }).spawn();
    for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
      return new Echo(text.trim(), child);
    }
    throw new Error(`the echo ended with ${(await child.status).code}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.status;
  }
}
