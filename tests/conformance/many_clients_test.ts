/**
 * 1,000 clients of a WebSocket library other than JavaScript's, Debian's python3-websockets, in one channel with
 * 500 messages.
 *
 * @module
 */

import assert from "node:assert/strict";
import { GatewayProcess } from "./support/process.ts";
import { noPython, PythonScript } from "./support/python.ts";
import { FORBIDDEN, processTest, skip } from "./support/suite.ts";
import { someone } from "./support/target.ts";
import { within } from "./support/wait.ts";

const SCRIPT = "tests/conformance/python/many_clients.py";
const CLIENTS = 1000;
const MESSAGES = 500;
/** Messages in one request. */
const BATCH = 10;
/** Half a million messages are slow in Python. */
const LIMIT = { limitMs: 180_000 };

const name = `${CLIENTS} Python clients receive ${MESSAGES} messages, every one in order`;

const missing = FORBIDDEN ?? await noPython();

if (missing === undefined) {
  processTest(name, async () => {
    await using gateway = await GatewayProcess.start();
    const channel = someone("channel");
    const token = await gateway.backend.login(someone(), { channels: [channel] });
    const args = [gateway.wsUrl, String(CLIENTS), String(MESSAGES)];
    await using python = await PythonScript.start(SCRIPT, { args, input: token });
    const { output } = python;
    await output.line("ready", (line) => line === "ready", LIMIT);
    for (let first = 0; first < MESSAGES; first += BATCH) {
      await gateway.backend.publishAll(Array.from({ length: BATCH }, (_, index) => ({
        channel,
        author: "1",
        content: first + index,
      })));
    }
    const result = await output.line("a result", (line) => line.startsWith("{"), LIMIT);
    assert.deepEqual(JSON.parse(result), { clients: CLIENTS, messages: CLIENTS * MESSAGES });
    const { code } = await within("Python to end", python.status, LIMIT);
    assert.equal(code, 0, output.lines.join("\n"));
  });
} else {
  skip(name, missing);
}
