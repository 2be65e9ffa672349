/**
 * A client from before signals, marks of replayed messages and close code 4011 (`tests/old_client/`), on the present
 * gateway: the tests of the app's side have the same results with it as with the present client, except where they
 * are about what it does not know.
 *
 * @module
 */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import project from "../../deno.json" with { type: "json" };
import { ROOT, walk } from "../tidy/sources.ts";
import { processTest } from "./support/suite.ts";

const OLD_CLIENT = "tests/old_client/emagine-client.js";
/** On a real port; the mock gateway, which is the present gateway too, is behind those of `tests/client/`. */
const SUITES = ["delivery", "drain", "heartbeat", "resume"];

/** Tests of the app's side that use what it does not have. */
const NEW = ["connect", "log", "loops"].map((name) => `tests/client/${name}_test.ts`);

/** The tests that fail with the old client, and what it does not know. */
const DIFFERENCES: Readonly<Record<string, string>> = {
  "a replayed message is the same as the live one was, and marked": "replayed",
  "the client says which messages were missed": "replayed",
  "the client ends after 4011": "4011: it reconnects, as after any code that it does not know",
  "a client with a listener from the start asks in its first Identify, and after a reconnect":
    "signals",
  "a listener that is added later makes a ready client identify again, once, and nothing is missed":
    "signals",
  "a listener that is added while the client identifies takes effect": "signals",
  "a renewal asks for signals again": "signals",
  "a signal with a wrong field ends the connection, as any frame does": "signals: it ignores op 4",
  "signals that arrive keep a connection alive whose ACK waits behind them": "signals",
};

/** The configuration of the project with the old client in the place of the present one. */
function configuration(): string {
  const url = (path: string): string => new URL(path, ROOT).href;
  const { imports, scopes, compilerOptions, unstable } = project;
  return JSON.stringify({
    imports: { ...imports, ...scopes["./tests/"], [url("client/mod.ts")]: url(OLD_CLIENT) },
    compilerOptions,
    unstable,
  });
}

processTest("a client from before knows no difference but what is new", async () => {
  const files = walk("tests/client/")
    .filter((path) => path.endsWith("_test.ts") && !NEW.includes(path))
    .concat(SUITES.map((name) => `tests/conformance/${name}_test.ts`));
  const config = await Deno.makeTempFile({ suffix: ".json" });
  try {
    await Deno.writeTextFile(config, configuration());
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["test", "--no-lock", "--no-check", "--no-prompt", "-A", "--config", config, ...files],
      cwd: fileURLToPath(ROOT),
      env: { NO_COLOR: "1" },
    }).output();
    const decoder = new TextDecoder();
    const text = decoder.decode(stdout);
    const tests = [...text.matchAll(/^ *(.+) \.\.\. (ok|FAILED) \(\d/gm)];
    assert.ok(tests.length > 200, `${tests.length} tests: ${text}\n${decoder.decode(stderr)}`);
    const failed = tests.filter(([, , result]) => result === "FAILED").map(([, name]) => name);
    assert.deepEqual(failed.toSorted(), Object.keys(DIFFERENCES).toSorted(), text);
  } finally {
    await Deno.remove(config);
  }
});
