/**
 * Methods that no route has, also those that `new Request` refuses: the answer names the method, and is not
 * about something else.
 *
 * @module
 */

import assert from "node:assert/strict";
import { TRANSPORT } from "./support/process.ts";
import { suite } from "./support/suite.ts";
import type { Target } from "./support/target.ts";
import { within } from "./support/wait.ts";

/** The answer to a request that no HTTP client would send. */
async function answer({ url }: Target, line: string): Promise<Response> {
  const { hostname, port, host } = new URL(url);
  using connection = await Deno.connect({ hostname, port: Number(port) });
  const head = `${line} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
  await connection.write(new TextEncoder().encode(head));
  const text = await within("the answer", new Response(connection.readable).text());
  const [lines = "", body = ""] = text.split("\r\n\r\n");
  const [status = "", ...fields] = lines.split("\r\n");
  const headers = fields.map((field): [string, string] => {
    const at = field.indexOf(":");
    return [field.slice(0, at), field.slice(at + 1).trim()];
  });
  return new Response(body, { status: Number(status.split(" ")[1]), headers });
}

async function codeOf(response: Response): Promise<unknown> {
  return JSON.parse(await response.text()).code;
}

suite("methods that no route has", {
  checks: {
    "a known path is 405, with the methods that it has": async (gateway) => {
      for (const method of ["TRACE", "PATCH", "PROPFIND"]) {
        for (
          const [path, allow] of [["/messages", "GET, HEAD, POST"], ["/gateway", "GET, HEAD"]]
        ) {
          const response = await answer(gateway, `${method} ${path}`);
          assert.equal(response.status, 405, `${method} ${path}`);
          assert.equal(response.headers.get("allow"), allow);
          assert.equal(await codeOf(response), "method_not_allowed");
        }
      }
    },

    "an unknown path is 404, and so is the server as a whole": async (gateway) => {
      for (const line of ["TRACE /nowhere", "OPTIONS *"]) {
        const response = await answer(gateway, line);
        assert.deepEqual([response.status, await codeOf(response)], [404, "not_found"], line);
      }
    },

    "CONNECT is for proxies, and is refused by the name that it asks for": async (gateway) => {
      const foreign = await answer(gateway, "CONNECT example.com:443");
      assert.deepEqual([foreign.status, await codeOf(foreign)], [403, "host_not_allowed"]);
      // The target of a proxy has no path; transports report different ones for it.
      const local = await answer(gateway, `CONNECT ${new URL(gateway.url).host}`);
      assert.match(String(await codeOf(local)), /^(?:not_found|method_not_allowed)$/);
    },

    "a method that nobody knows is refused as such": async (gateway) => {
      for (const line of ["TRACK /messages", "FOO /messages"]) {
        const expected = TRANSPORT === "node" ? 501 : 405;
        assert.equal((await answer(gateway, line)).status, expected, line);
      }
    },
  },
});
