/**
 * 1,000 clients in one channel that receive 500 messages, with a WebSocket client that is not JavaScript's:
 * Debian's python3-websockets.
 *
 * @module
 */

import assert from "node:assert/strict";
import { resolve } from "node:path";
import { end, Output } from "./support/child.ts";
import { GatewayProcess, ROOT } from "./support/process.ts";
import { FORBIDDEN, processTest, skip } from "./support/suite.ts";
import { someone } from "./support/target.ts";
import { within } from "./support/wait.ts";

const PYTHON = "/usr/bin/python3";
const SCRIPT = resolve(ROOT, "tests/conformance/python/many_clients.py");
const CLIENTS = 1000;
const MESSAGES = 500;
/** Messages in one request. */
const BATCH = 10;
/** Half a million messages take Python a while. */
const PATIENCE = { limitMs: 180_000 };

const name = `${CLIENTS} Python clients receive ${MESSAGES} messages, every one in order`;

if (FORBIDDEN === undefined && await hasWebsockets()) {
  processTest(name, async () => {
    await using gateway = await GatewayProcess.start();
    const channel = someone("channel");
    const token = await gateway.backend.login(someone(), { channels: [channel] });
    const python = new Deno.Command(PYTHON, {
      args: [SCRIPT, gateway.wsUrl, String(CLIENTS), String(MESSAGES)],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const output = new Output(python);
    try {
      const writer = python.stdin.getWriter();
      await writer.write(new TextEncoder().encode(`${token}\n`));
      await writer.close();
      await output.line("ready", (line) => line === "ready", PATIENCE);
      for (let first = 0; first < MESSAGES; first += BATCH) {
        await gateway.backend.publishAll(Array.from({ length: BATCH }, (_, index) => ({
          channel,
          author: "1",
          content: first + index,
        })));
      }
      const result = await output.line("a result", (line) => line.startsWith("{"), PATIENCE);
      assert.deepEqual(JSON.parse(result), { clients: CLIENTS, messages: CLIENTS * MESSAGES });
      const { code } = await within("Python to end", python.status, PATIENCE);
      assert.equal(code, 0, output.lines.join("\n"));
    } finally {
      await end(python, "SIGKILL");
    }
  });
} else {
  skip(name, `${PYTHON} has no websockets; Debian's package is python3-websockets`);
}

async function hasWebsockets(): Promise<boolean> {
  try {
    const { success } = await new Deno.Command(PYTHON, {
      args: ["-c", "import websockets"],
      stdout: "null",
      stderr: "null",
    }).output();
    return success;
  } catch {
    return false;
  }
}
