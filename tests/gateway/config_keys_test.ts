/**
 * The publish key and the JWT secret, and the ones that they replace.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type Config, parseConfig, parseTokenConfig } from "../../gateway/config/parse.ts";

type Env = Readonly<Record<string, string>>;

const SECRET = "an HS256 secret of at least 32 bytes";
const OLD_SECRET = "the secret that was there before it";
const KEY = "a-key-of-the-backend";
const OLD_KEY = "the-key-before-that";
const PRODUCTION = { GATEWAY_JWT_SECRET: SECRET, GATEWAY_PUBLISH_KEY: KEY };

const readTextFile = () => "";

function config(env: Env, args: readonly string[] = []): Config {
  const command = parseConfig({ env, args, readTextFile });
  assert.ok(command.command === "serve");
  return command.config;
}

function refused(env: Env, message: string): void {
  assert.throws(() => parseConfig({ env, args: [], readTextFile }), {
    code: "bad_configuration",
    message,
  });
}

Deno.test("parseConfig() takes the keys that others replace, from variables or flags", () => {
  const none = config(PRODUCTION);
  assert.deepEqual(none.auth, { mode: "secret", secret: SECRET });
  assert.equal(none.publishKeyPrevious, undefined);
  const both = config({
    ...PRODUCTION,
    GATEWAY_JWT_SECRET_PREVIOUS: OLD_SECRET,
    GATEWAY_PUBLISH_KEY_PREVIOUS: OLD_KEY,
  });
  assert.deepEqual(both.auth, { mode: "secret", secret: SECRET, previous: OLD_SECRET });
  assert.deepEqual([both.publishKey, both.publishKeyPrevious], [KEY, OLD_KEY]);
  const flags = config(PRODUCTION, [`--publish-key-previous=${OLD_KEY}`]);
  assert.equal(flags.publishKeyPrevious, OLD_KEY);
});

Deno.test("an empty previous key counts as none", () => {
  const { auth, publishKeyPrevious } = config({
    ...PRODUCTION,
    GATEWAY_JWT_SECRET_PREVIOUS: "",
    GATEWAY_PUBLISH_KEY_PREVIOUS: "",
  });
  assert.deepEqual(auth, { mode: "secret", secret: SECRET });
  assert.equal(publishKeyPrevious, undefined);
});

Deno.test("parseConfig() refuses a previous key without the key, and names both", () => {
  refused(
    { GATEWAY_PUBLISH_KEY: KEY, GATEWAY_JWT_SECRET_PREVIOUS: OLD_SECRET },
    "GATEWAY_JWT_SECRET is not set, but GATEWAY_JWT_SECRET_PREVIOUS is",
  );
  refused(
    {
      GATEWAY_PUBLISH_KEY: KEY,
      GATEWAY_JWKS_URL: "https://login.example/keys",
      GATEWAY_JWT_SECRET_PREVIOUS: OLD_SECRET,
    },
    "GATEWAY_JWT_SECRET is not set, but GATEWAY_JWT_SECRET_PREVIOUS is",
  );
  for (const env of [{}, { GATEWAY_JWT_SECRET: SECRET }]) {
    refused(
      { ...env, GATEWAY_PUBLISH_KEY_PREVIOUS: OLD_KEY },
      "GATEWAY_PUBLISH_KEY is not set, but GATEWAY_PUBLISH_KEY_PREVIOUS is",
    );
  }
});

Deno.test("parseConfig() has the same bounds for a previous key", () => {
  refused(
    { ...PRODUCTION, GATEWAY_JWT_SECRET_PREVIOUS: "x".repeat(31) },
    "GATEWAY_JWT_SECRET_PREVIOUS is too short, expected at least 32 bytes",
  );
  refused(
    { ...PRODUCTION, GATEWAY_PUBLISH_KEY_PREVIOUS: "x".repeat(15) },
    "GATEWAY_PUBLISH_KEY_PREVIOUS is too short, expected at least 16 characters",
  );
  refused(
    { ...PRODUCTION, GATEWAY_PUBLISH_KEY_PREVIOUS: "a key with spaces in it" },
    "GATEWAY_PUBLISH_KEY_PREVIOUS contains characters not allowed in an HTTP header, expected " +
      "printable ASCII",
  );
  const development = { GATEWAY_PUBLISH_KEY: "mine", GATEWAY_PUBLISH_KEY_PREVIOUS: "old" };
  assert.equal(config(development).publishKeyPrevious, "old");
});

Deno.test("parseConfig() refuses a previous key that is the key itself", () => {
  for (const [name, value] of Object.entries(PRODUCTION)) {
    refused(
      { ...PRODUCTION, [`${name}_PREVIOUS`]: value },
      `${name}_PREVIOUS is the same as ${name}, expected the key that it replaces`,
    );
  }
});

Deno.test("parseTokenConfig() knows the previous secret, under the same rules", () => {
  const env = { GATEWAY_JWT_SECRET: SECRET, GATEWAY_JWT_SECRET_PREVIOUS: OLD_SECRET };
  const { auth } = parseTokenConfig({ env, readTextFile });
  assert.deepEqual(auth, { mode: "secret", secret: SECRET, previous: OLD_SECRET });
  assert.throws(
    () => parseTokenConfig({ env: { GATEWAY_JWT_SECRET_PREVIOUS: OLD_SECRET }, readTextFile }),
    { message: /^GATEWAY_JWT_SECRET is not set, but GATEWAY_JWT_SECRET_PREVIOUS is$/ },
  );
});
