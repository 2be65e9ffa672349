/**
 * Values that must be mistakes: blanks, line breaks, quotes, and unexpanded syntax of a shell. The start fails
 * with one line that names the option and never contains its value.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type Config, parseConfig } from "../../gateway/config/parse.ts";
import { OperationalError } from "../../gateway/errors.ts";
import { envName, flagName, type Option } from "../../gateway/config/option_types.ts";
import { OPTIONS } from "../../gateway/config/options.ts";
import { CERTIFICATE, PRIVATE_KEY } from "./support/key_pair.ts";

type Env = Readonly<Record<string, string>>;

const SECRET = "an HS256 secret of at least 32 bytes";
const PRODUCTION = { GATEWAY_JWT_SECRET: SECRET, GATEWAY_PUBLISH_KEY: "a-key-of-the-backend" };

function config(env: Env, args: readonly string[] = []): Config {
  const readTextFile = (path: string) => path === "key.pem" ? PRIVATE_KEY : CERTIFICATE;
  const command = parseConfig({ env, args, readTextFile });
  assert.ok("config" in command);
  return command.config;
}

function messageOf(env: Env, args: readonly string[] = []): string {
  try {
    config(env, args);
  } catch (error) {
    assert.ok(error instanceof OperationalError);
    assert.equal(error.code, "bad_configuration");
    assert.doesNotMatch(error.message, /\n/);
    return error.message;
  }
  assert.fail(`accepted ${JSON.stringify({ env, args })}`);
}

/** Changes that make a good value wrong, and the error for each. */
const WRONG: readonly (readonly [(good: string) => string, RegExp])[] = [
  [(good) => `${good}\n`, /^ ends with a line break$/],
  [(good) => `${good}\r\n`, /^ ends with a line break$/],
  [(good) => `\n${good}`, /^ begins with a line break$/],
  [(good) => `${good} `, /^ ends with whitespace$/],
  [(good) => `\t${good}`, /^ begins with whitespace$/],
  [(good) => `\u00a0${good}`, /^ begins with whitespace$/],
  [(good) => `\u200b${good}`, /^ begins with an invisible character$/],
  [(good) => `"${good}"`, /^ is in quotes/],
  [(good) => `'${good}'`, /^ is in quotes/],
  [(good) => `${good}\n${good}`, /^ contains a line break$/],
  [(good) => `${good}\0${good}`, /^ contains a control character$/],
  [() => " ".repeat(32), /^ is blank$/],
  [() => '""', /^ is in quotes/],
];

Deno.test("parseConfig() refuses blanks, line breaks and quotes around every free text of the table", () => {
  const good: Readonly<Record<string, string>> = {
    path: "/srv/some/path",
    url: "https://login.example.com/keys",
    string: "some-text-of-the-operator",
    secret: "a-secret-with-more-than-32-characters",
  };
  const names: string[] = [];
  for (const [key, { type }] of Object.entries<Option>(OPTIONS)) {
    const value = good[type];
    if (value === undefined) continue;
    const env = envName(key);
    names.push(env);
    for (const [spoil, expected] of WRONG) {
      const text = spoil(value);
      const message = messageOf({ [env]: text });
      assert.ok(message.startsWith(env), message);
      assert.match(message.slice(env.length), expected);
      assert.ok(!message.includes(value), message);
      const flag = `--${flagName(key)}`;
      assert.ok(messageOf({}, [`${flag}=${text}`]).startsWith(`${flag} `));
    }
  }
  for (const name of ["JWT_SECRET", "JWT_AUDIENCE", "DATA_DIR", "JWKS_URL", "NATS_PASSWORD"]) {
    assert.ok(names.includes(`GATEWAY_${name}`), name);
  }
});

Deno.test("parseConfig() refuses blanks and quotes around a value of a fixed form too", () => {
  for (const [name, value] of Object.entries({ PORT: "80", HOST: "::1", LOG: "memory" })) {
    for (const text of [`"${value}"`, `${value} `, `${value}\n`]) {
      assert.ok(messageOf({ [`GATEWAY_${name}`]: text }).startsWith(`GATEWAY_${name} is "`));
    }
  }
});

Deno.test("parseConfig() refuses quotes in a list, and takes blanks between its items", () => {
  const origins = (text: string) => ({ GATEWAY_ALLOWED_ORIGINS: text });
  const servers = (text: string) => ({ GATEWAY_NATS_URL: text });
  for (const text of ['"https://a.test"', 'https://b.test, "https://a.test"']) {
    assert.match(messageOf(origins(text)), /^GATEWAY_ALLOWED_ORIGINS is in quotes/);
  }
  assert.match(messageOf(servers("'nats://a:4222'")), /^GATEWAY_NATS_URL is in quotes/);
  const { allowedOrigins } = config(origins("https://a.test, https://b.test\n"));
  assert.deepEqual(allowedOrigins, ["https://a.test", "https://b.test"]);
  assert.deepEqual(config(servers("nats://a:4222\n")).nats?.servers, ["nats://a:4222"]);
});

Deno.test("parseConfig() refuses a path that a shell should have expanded, and a PEM text as a path", () => {
  for (const name of ["GATEWAY_DATA_DIR", "GATEWAY_TLS_CERT", "GATEWAY_NATS_TLS_CA"]) {
    for (const path of ["~", "~/data", "~chat/data"]) {
      const message = messageOf({ [name]: path });
      assert.equal(
        message,
        `${name} begins with ~, which only a shell expands; give the whole path`,
      );
    }
    assert.match(messageOf({ [name]: "$HOME/data" }), /begins with \$, which only a shell expands/);
    const pem = "-----BEGIN PRIVATE KEY-----MIIEvgIBADANBg-----END PRIVATE KEY-----";
    assert.equal(
      messageOf({ [name]: pem }),
      `${name} is PEM text, expected the path of a file`,
    );
  }
});

Deno.test("parseConfig() takes values that only look odd, and a file's line break", () => {
  const secret = `~$"an odd secret' of "32 bytes" at least`;
  assert.deepEqual(config({ ...PRODUCTION, GATEWAY_JWT_SECRET: secret }).auth, {
    mode: "secret",
    secret,
  });
  assert.equal(config({ GATEWAY_DATA_DIR: "./my data/~old" }).dataDir, "./my data/~old");
  assert.equal(config({ GATEWAY_JWT_AUDIENCE: "urn:chat app" }).jwtAudience, "urn:chat app");
  const files = { GATEWAY_TLS_CERT: "cert.pem", GATEWAY_TLS_KEY: "key.pem" };
  assert.deepEqual(config({ ...PRODUCTION, ...files }).tls, {
    cert: CERTIFICATE,
    key: PRIVATE_KEY,
  });
});
