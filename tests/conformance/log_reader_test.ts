/**
 * A reader of the gateway's log cannot stop it, neither by stalling nor by going away.
 *
 * @module
 */

import assert from "node:assert/strict";
import { end } from "./support/child.ts";
import { command, ROOT, type Settings, TRANSPORT } from "./support/process.ts";
import { processTest } from "./support/suite.ts";
import { eventually, within } from "./support/wait.ts";

/** Runs a command with a full pipe as standard error that is never read. */
const FULL_PIPE = 'exec 3<>"$0"; head -c 65536 /dev/zero >&3; exec "$@" 2>&3';

processTest(
  "a log reader that stalls stops neither a start, nor requests, nor an end",
  async () => {
    await using stalled = await Stalled.start({});
    await answers(stalled.url);
    const metrics = await (await fetch(`${stalled.url}/metrics`)).text();
    assert.match(metrics, /^gateway_log_lines_dropped_total 0$/m);
    assert.match(await stalled.read("listening"), /"listening"/, "the line has waited");
    const { code } = await within("the end", end(stalled.child, "SIGTERM"));
    assert.equal(code, 0);

    await using unread = await Stalled.start({});
    await answers(unread.url);
    assert.equal((await within("the end", end(unread.child, "SIGTERM"))).code, 0);
  },
);

processTest("a start that fails ends, although nobody reads why", async () => {
  await using failing = await Stalled.start({ GATEWAY_LOG: "paper" });
  assert.equal((await within("the end", failing.child.status)).code, 1);
});

processTest("a log reader that goes away does not stop `deno task start`", async () => {
  const dataDir = await Deno.makeTempDir();
  const { url, settings } = freePort({ GATEWAY_DATA_DIR: dataDir });
  const child = new Deno.Command(Deno.execPath(), {
    args: ["task", "start"],
    cwd: ROOT,
    env: { ...settings },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  try {
    // As `2>&1 | head -1` does.
    const lines = child.stderr.getReader();
    await lines.read();
    await lines.cancel();
    await child.stdout.cancel();
    await answers(url);
    assert.equal((await within("the end", end(child, "SIGTERM"))).code, 0);
    await assert.rejects(fetch(`${url}/health`));
  } finally {
    await end(child, "SIGKILL");
    await Deno.remove(dataDir, { recursive: true });
  }
});

/** A gateway whose standard error is full from the start. */
class Stalled implements AsyncDisposable {
  private constructor(
    readonly url: string,
    readonly child: Deno.ChildProcess,
    readonly directory: string,
  ) {}

  static async start(given: Settings): Promise<Stalled> {
    const directory = await Deno.makeTempDir();
    const { url, settings } = freePort({ GATEWAY_DATA_DIR: `${directory}/data`, ...given });
    const fifo = `${directory}/log`;
    await new Deno.Command("mkfifo", { args: [fifo] }).output();
    const child = new Deno.Command("sh", {
      args: ["-c", FULL_PIPE, fifo, ...command()],
      cwd: ROOT,
      env: { ...settings },
      stdin: "null",
      stdout: "null",
    }).spawn();
    return new Stalled(url, child, directory);
  }

  /** Reads the log up to a line that contains `text`. */
  async read(text: string): Promise<string> {
    using file = await Deno.open(`${this.directory}/log`);
    const decoder = new TextDecoder();
    let seen = "";
    const bytes = new Uint8Array(4096);
    while (!seen.includes(text)) {
      const count = await within(`a log line with ${text}`, file.read(bytes));
      seen += decoder.decode(bytes.subarray(0, count ?? 0), { stream: true });
    }
    return seen;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await end(this.child, "SIGKILL");
    await Deno.remove(this.directory, { recursive: true });
  }
}

/** A known port, because the log cannot tell it. */
function freePort(settings: Settings): { readonly url: string; readonly settings: Settings } {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  return {
    url: `http://127.0.0.1:${port}`,
    settings: {
      GATEWAY_PORT: String(port),
      GATEWAY_TRANSPORT: TRANSPORT,
      GATEWAY_LOG_FORMAT: "json",
      GATEWAY_DRAIN_MS: "100",
      ...settings,
    },
  };
}

async function answers(url: string): Promise<void> {
  const health = eventually("an answer", async () => {
    const response = await fetch(`${url}/health`).catch(() => undefined);
    await response?.body?.cancel();
    return response?.status === 200 ? true : undefined;
  });
  // A stopped process accepts connections and answers none.
  await within("an answer", health);
}
