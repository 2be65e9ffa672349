/**
 * The examples do what the README says.
 *
 * @module
 */

import assert from "node:assert/strict";
import { resolve } from "node:path";
import { end, Output } from "./support/child.ts";
import { ROOT } from "./support/process.ts";
import { suite } from "./support/suite.ts";
import { someone } from "./support/target.ts";

suite("examples", {
  checks: {
    "client.mjs prints the messages of its user, and how it was closed": async (gateway) => {
      const user = someone();
      const client = new Deno.Command(Deno.execPath(), {
        args: [
          ...["run", "--no-prompt", "--allow-net", "--allow-env"],
          resolve(ROOT, "examples/client.mjs"),
        ],
        env: {
          GATEWAY_URL: gateway.wsUrl,
          GATEWAY_LOGIN_URL: gateway.loginUrl,
          GATEWAY_USER: user,
        },
        stdin: "null",
        stdout: "piped",
        stderr: "piped",
      }).spawn();
      const output = new Output(client);
      try {
        await gateway.presence(user, 1);
        await gateway.backend.publish({ user, author: "bob", content: "Hello, Alice" });
        await output.line("the message", (line) => line.includes('"content":"Hello, Alice"'));
        await gateway.backend.disconnect(user);
        await output.line("the close", (line) => line === '{"ended":"4010"}');
        assert.equal((await client.status).code, 0);
      } finally {
        await end(client, "SIGKILL");
      }
    },
  },
});
