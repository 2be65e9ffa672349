/**
 * Configurations of the test server: it refuses to start next to real users.
 *
 * @module
 */

import assert from "node:assert/strict";
import { parseConfig } from "../../gateway/config/parse.ts";
import { OperationalError } from "../../gateway/errors.ts";

function parse(env: Readonly<Record<string, string>>, args: readonly string[] = ["--mock"]) {
  return parseConfig({ env, args, readTextFile: () => "" });
}

/** Asserts that the start is refused with one line that has all of `words`. */
function refused(
  env: Readonly<Record<string, string>>,
  words: readonly string[],
  args?: readonly string[],
): void {
  assert.throws(() => parse(env, args), (error) => {
    assert.ok(error instanceof OperationalError && error.code === "bad_configuration");
    for (const word of words) assert.ok(error.message.includes(word), error.message);
    assert.ok(!error.message.includes("\n"));
    return true;
  });
}

Deno.test("--mock is another command, with the options as ever", () => {
  assert.equal(parse({}, []).command, "serve");
  const command = parse({}, ["--mock", "--port=9000", "--heartbeat-interval-ms=30000"]);
  assert.ok(command.command === "mock");
  assert.equal(command.config.port, 9000);
  assert.equal(command.config.heartbeatIntervalMs, 30_000);
  assert.equal(command.config.publishKey, "dev");
  assert.equal(command.config.auth.mode, "mock");
});

Deno.test("--mock refuses options of a deployment, and names them as they were given", () => {
  const secret = "an HS256 secret of at least 32 bytes";
  const key = { GATEWAY_PUBLISH_KEY: "a-key-of-the-backend" };
  refused({ GATEWAY_JWT_SECRET: secret, ...key }, ["--mock", "GATEWAY_JWT_SECRET"]);
  const url = "https://issuer.example/keys";
  refused({ GATEWAY_JWKS_URL: url, ...key }, ["--mock", "GATEWAY_JWKS_URL"]);
  refused(key, ["--mock", "--jwks-url"], ["--mock", `--jwks-url=${url}`]);
  const previous = { GATEWAY_PUBLISH_KEY_PREVIOUS: "the-key-of-the-backend-before" };
  refused({ ...key, ...previous }, ["--mock", "GATEWAY_PUBLISH_KEY_PREVIOUS"]);
});

Deno.test("--mock refuses every host but loopback", () => {
  for (const host of ["0.0.0.0", "::", "192.0.2.1", "gateway.example"]) {
    refused({ GATEWAY_HOST: host }, ["GATEWAY_HOST", host]);
  }
  for (const GATEWAY_HOST of ["127.0.0.1", "::1", "localhost"]) {
    assert.equal(parse({ GATEWAY_HOST }).command, "mock");
  }
});

Deno.test("--mock has no console, and says so to who asks for it", () => {
  refused({ GATEWAY_CONSOLE: "on" }, ["--mock", "no console", "GATEWAY_CONSOLE=on"]);
  refused({}, ["--mock", "no console", "--console=on"], ["--mock", "--console=on"]);
  assert.equal(parse({ GATEWAY_CONSOLE: "off" }).command, "mock");
  assert.equal(parse({ GATEWAY_CONSOLE: "auto" }).command, "mock");
});

Deno.test("--mock takes no value, and there is no such variable", () => {
  refused({}, ["--mock", "no value"], ["--mock=yes"]);
  refused({ GATEWAY_MOCK: "1" }, ["GATEWAY_MOCK", "not an option"], []);
});
