/**
 * Environment and arguments become a configuration, or one line with the error.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type Config, parseConfig } from "../../gateway/config/parse.ts";
import { OperationalError } from "../../gateway/errors.ts";
import { envName, flagName, type Option } from "../../gateway/config/option_types.ts";
import { OPTION_GROUPS, OPTIONS } from "../../gateway/config/options.ts";
import { CERTIFICATE, OTHER_KEY, PRIVATE_KEY } from "./support/key_pair.ts";

type Env = Readonly<Record<string, string>>;

const SECRET = "an HS256 secret of at least 32 bytes";
const PUBLISH_KEY = "a-key-of-the-backend";
const PRODUCTION = { GATEWAY_JWT_SECRET: SECRET, GATEWAY_PUBLISH_KEY: PUBLISH_KEY };
const FILES: Env = {
  "cert.pem": CERTIFICATE,
  "key.pem": PRIVATE_KEY,
  "other.pem": OTHER_KEY,
  "cut.pem": CERTIFICATE.slice(0, 200),
  "cut_key.pem": PRIVATE_KEY.slice(0, 60),
  "encrypted.pem": "-----BEGIN ENCRYPTED PRIVATE KEY-----\n",
};

function parse(env: Env, args: readonly string[] = []) {
  const readTextFile = (path: string): string => {
    const text = FILES[path];
    if (text === undefined) throw new Error(`No such file: ${path}\nat somewhere`);
    return text;
  };
  return parseConfig({ env, args, readTextFile });
}

function config(env: Env, args: readonly string[] = []): Config {
  const command = parse(env, args);
  assert.ok(command.command === "serve");
  return command.config;
}

/** Asserts that `env` is refused with exactly one line that matches. */
function refused(env: Env, message: RegExp, args: readonly string[] = []): void {
  assert.throws(() => parse(env, args), (error) => {
    assert.ok(error instanceof OperationalError);
    assert.equal(error.code, "bad_configuration");
    assert.match(error.message, message);
    assert.doesNotMatch(error.message, /\n/);
    return true;
  });
}

Deno.test("parseConfig() without anything gives the mock issuer on loopback", () => {
  const given = config({ PATH: "/bin", HOME: "/" });
  assert.deepEqual(given.auth, { mode: "mock" });
  assert.equal(given.host, "127.0.0.1");
  assert.equal(given.port, 8000);
  assert.equal(given.heartbeatIntervalMs, 45_000);
  assert.equal(given.publishKey, "dev");
  assert.equal(given.tls, undefined);
  assert.equal(given.jwtIssuer, undefined);
  assert.deepEqual(given.allowedOrigins, []);
});

Deno.test("parseConfig() reads variables, and flags that win over them", () => {
  const env = { GATEWAY_PORT: "1", GATEWAY_LOG_LEVEL: "debug", GATEWAY_DATA_DIR: "/data" };
  const given = config(env, ["--port=2", "--max-connections-per-ip", "7", "--data-dir=/b=c"]);
  assert.equal(given.port, 2);
  assert.equal(given.logLevel, "debug");
  assert.equal(given.maxConnectionsPerIp, 7);
  assert.equal(given.dataDir, "/b=c");
});

Deno.test("parseConfig() passes over the -- that runners of tasks pass on", () => {
  const flags = [["--port=9000", "--drain-ms=7"], ["--port", "9000", "--drain-ms", "7"]];
  const before = [[], ["--log-level=debug"], ["--log-level", "debug", "--"]];
  for (const args of flags.flatMap((some) => before.map((first) => [...first, "--", ...some]))) {
    const { port, drainMs } = config({}, args);
    assert.deepEqual([port, drainMs], [9000, 7], args.join(" "));
  }
  assert.equal(parse({}, ["--", "--mock"]).command, "mock");
  assert.equal(parse({}, ["--", "--version"]).command, "version");
  refused({}, /^--prot is not an option/, ["--", "--prot=9"]);
  refused({}, /^argument 3 is not an option/, ["--", "--port=1", "s3cr3t"]);
  refused({}, /^--port has no value$/, ["--port", "--"]);
  refused({}, /^--port has no value$/, ["--", "--port", "--", "--drain-ms=7"]);
});

Deno.test("parseConfig() takes an empty variable as not set", () => {
  assert.equal(config({ GATEWAY_PORT: "", GATEWAY_JWKS_URL: "" }).port, 8000);
});

Deno.test("parseConfig() names an unknown variable and the nearest that it knows", () => {
  refused({ GATEWAY_PROT: "1" }, /^GATEWAY_PROT is not an option; did you mean GATEWAY_PORT\?$/);
  refused({ GATEWAY_HEARTBEAT_INTERVAL: "1" }, /did you mean GATEWAY_HEARTBEAT_INTERVAL_MS\?$/);
  refused({ GATEWAY_FOO: "1" }, /^GATEWAY_FOO is not an option; --help lists all$/);
  refused({ GATEWAY_toString: "1" }, /^GATEWAY_toString is not an option/);
});

Deno.test("parseConfig() names an unknown flag but not what was given with it", () => {
  refused({}, /^--prot is not an option; did you mean --port\?$/, ["--prot=9"]);
  refused({}, /^-p is not an option/, ["-p", "9"]);
  refused({}, /^--jwt-secert is not .* --jwt-secret\?$/, ["--jwt-secert", SECRET]);
  const others =
    /^argument 2 is not an option; options begin with --; the commands are certify and/;
  refused({}, others, ["--port=1", "s3cr3t"]);
  refused({}, /^argument 1 is not an option; did you mean certify\?$/, ["certfy", "--", "x"]);
  refused({}, /^argument 1 is not an option; did you mean --mock\?$/, ["mock"]);
  refused({}, /^argument 2 is not an option; a command comes first$/, ["--", "token"]);
  refused({}, /^--port has no value$/, ["--port"]);
  refused({}, /^--port has no value$/, ["--port="]);
  refused({}, /^--jwt-issuer has no value$/, ["--jwt-issuer", "--port=1"]);
  refused({}, /^--__proto__ is not an option/, ["--__proto__=1"]);
});

Deno.test("parseConfig() refuses a bad number with its name, its value and the range", () => {
  const numbers = [
    "abc",
    "-1",
    "1.5",
    "1e3",
    "0x10",
    "65536",
    "9".repeat(20),
    " 80",
    "NaN",
    "８０",
  ];
  for (const text of numbers) {
    refused({ GATEWAY_PORT: text }, /^GATEWAY_PORT is ".+", expected a whole number, 0 to 65535$/);
  }
  refused({}, /^--drain-ms is "x", expected a whole number, 0 to 3600000 ms$/, ["--drain-ms=x"]);
  refused({ GATEWAY_HEARTBEAT_INTERVAL_MS: "0" }, /^GATEWAY_HEARTBEAT_INTERVAL_MS is "0"/);
});

Deno.test("parseConfig() keeps a bad value on one line and short", () => {
  refused({ GATEWAY_PORT: `80\n${"x".repeat(10_000)}` }, /^.{1,200}$/);
});

Deno.test("parseConfig() refuses a word that is not among the choices", () => {
  refused({ GATEWAY_LOG: "mysql" }, /^GATEWAY_LOG is "mysql", expected one of sqlite, memory$/);
  assert.equal(config({ GATEWAY_LOG: "memory" }).log, "memory");
});

Deno.test("parseConfig() gives origins in the form in which browsers send them", () => {
  const origins = "https://App.Example.com:443, http://localhost:5173,Capacitor://localhost,null";
  assert.deepEqual(config({ GATEWAY_ALLOWED_ORIGINS: origins }).allowedOrigins, [
    "https://app.example.com",
    "http://localhost:5173",
    "capacitor://localhost",
    "null",
  ]);
  for (
    const text of ["app.example.com", "https://a.b/path", "*", "https://a.b,", "https://u@a.b"]
  ) {
    refused(
      { GATEWAY_ALLOWED_ORIGINS: text },
      /^GATEWAY_ALLOWED_ORIGINS is ".+", expected origins/,
    );
  }
});

Deno.test("parseConfig() refuses a host that is no address and no name", () => {
  for (const host of ["http://localhost", "a b", "localhost:80", "[::1]", "-"]) {
    refused({ ...PRODUCTION, GATEWAY_HOST: host }, /^GATEWAY_HOST is ".+", expected an IP address/);
  }
  assert.equal(config({ ...PRODUCTION, GATEWAY_HOST: "::" }).host, "::");
  assert.equal(config({ ...PRODUCTION, GATEWAY_HOST: "gw.example.com" }).host, "gw.example.com");
});

Deno.test("parseConfig() runs the mock issuer on loopback addresses only", () => {
  for (const host of ["127.0.0.1", "127.8.9.10", "::1", "localhost"]) {
    assert.equal(config({ GATEWAY_HOST: host }).auth.mode, "mock");
  }
  for (
    const host of ["0.0.0.0", "::", "192.168.1.2", "127.0.0.1.example.com", "127.1", "12.7.0.0"]
  ) {
    refused(
      { GATEWAY_HOST: host },
      /^GATEWAY_HOST is ".+", but the mock issuer .*GATEWAY_JWKS_URL$/,
    );
  }
  assert.equal(config({ ...PRODUCTION, GATEWAY_HOST: "0.0.0.0" }).auth.mode, "secret");
});

Deno.test("parseConfig() takes a secret of at least 32 bytes, and never shows it", () => {
  assert.deepEqual(config(PRODUCTION).auth, { mode: "secret", secret: SECRET });
  const sixteen = "é".repeat(16);
  assert.equal(config({ ...PRODUCTION, GATEWAY_JWT_SECRET: sixteen }).auth.mode, "secret");
  refused(
    { ...PRODUCTION, GATEWAY_JWT_SECRET: "x".repeat(31) },
    /^GATEWAY_JWT_SECRET is too short, expected at least 32 bytes$/,
  );
});

Deno.test("parseConfig() takes a JWKS URL over https, or over http on loopback", () => {
  const key = { GATEWAY_PUBLISH_KEY: PUBLISH_KEY };
  for (const url of ["https://id.example.com/jwks", "http://127.0.0.1:9/j", "http://[::1]:9/j"]) {
    const { auth } = config({ ...key, GATEWAY_JWKS_URL: url });
    assert.ok(auth.mode === "jwks");
    assert.equal(auth.url.href, url);
  }
  refused({ ...key, GATEWAY_JWKS_URL: "http://id.example.com/jwks" }, /expected https, or http on/);
  for (const url of ["ftp://a.b/", "id.example.com", "https://"]) {
    refused({ ...key, GATEWAY_JWKS_URL: url }, /^GATEWAY_JWKS_URL is ".+", expected an http or/);
  }
});

Deno.test("parseConfig() refuses a secret together with a JWKS URL", () => {
  refused(
    { ...PRODUCTION, GATEWAY_JWKS_URL: "https://id.example.com/jwks" },
    /^GATEWAY_JWKS_URL cannot be set together with GATEWAY_JWT_SECRET$/,
  );
  refused(PRODUCTION, /^--jwks-url cannot be set together with GATEWAY_JWT_SECRET$/, [
    "--jwks-url=https://id.example.com/jwks",
  ]);
});

Deno.test("parseConfig() wants a long publish key as soon as the issuer is real", () => {
  const secret = { GATEWAY_JWT_SECRET: SECRET };
  refused(secret, /^GATEWAY_PUBLISH_KEY is not set/);
  refused({ ...secret, GATEWAY_PUBLISH_KEY: "dev" }, /^GATEWAY_PUBLISH_KEY is too short, .* 16/);
  refused({ ...secret, GATEWAY_PUBLISH_KEY: "a key with spaces in it" }, /printable ASCII$/);
  assert.equal(config(PRODUCTION).publishKey, PUBLISH_KEY);
  assert.equal(config({ GATEWAY_PUBLISH_KEY: "mine" }).publishKey, "mine");
});

Deno.test("parseConfig() reads certificate and key, and wants both", () => {
  const cert = { GATEWAY_TLS_CERT: "cert.pem" };
  const key = { GATEWAY_TLS_KEY: "key.pem" };
  assert.deepEqual(config({ ...cert, ...key }).tls, {
    cert: FILES["cert.pem"],
    key: FILES["key.pem"],
  });
  refused(cert, /^GATEWAY_TLS_KEY is not set, but GATEWAY_TLS_CERT is$/);
  refused(key, /^GATEWAY_TLS_CERT is not set, but GATEWAY_TLS_KEY is$/);
  refused(
    { ...cert, GATEWAY_TLS_KEY: "none.pem" },
    /^GATEWAY_TLS_KEY names "none.pem", which cannot be read: No such file: none.pem$/,
  );
  refused({ ...cert, GATEWAY_TLS_KEY: "encrypted.pem" }, /^GATEWAY_TLS_KEY names .*not encrypted$/);
  refused({ ...key, GATEWAY_TLS_CERT: "key.pem" }, /^GATEWAY_TLS_CERT names .* in PEM$/);
  refused(
    { ...cert, GATEWAY_TLS_KEY: "other.pem" },
    /^GATEWAY_TLS_KEY names "other.pem", which is not the private key .* in GATEWAY_TLS_CERT$/,
  );
  refused(
    { ...key, GATEWAY_TLS_CERT: "cut.pem" },
    /^GATEWAY_TLS_CERT names "cut.pem", which cannot be parsed: ./,
  );
  refused(
    { ...cert, GATEWAY_TLS_KEY: "cut_key.pem" },
    /^GATEWAY_TLS_KEY names "cut_key.pem", which cannot be parsed: ./,
  );
});

Deno.test("parseConfig() serves the console with the mock issuer, elsewhere if asked, or never", () => {
  assert.equal(config({}).console, true);
  assert.equal(config({}, ["--console=auto"]).console, true);
  assert.equal(config({ GATEWAY_CONSOLE: "on" }).console, true);
  assert.equal(config({ GATEWAY_CONSOLE: "off" }).console, false);
  assert.equal(config(PRODUCTION).console, false);
  assert.equal(config({ ...PRODUCTION, GATEWAY_CONSOLE: "auto" }).console, false);
  assert.equal(config({ ...PRODUCTION, GATEWAY_CONSOLE: "on" }).console, true);
  refused({ GATEWAY_CONSOLE: "yes" }, /^GATEWAY_CONSOLE is "yes", expected one of auto, on, off$/);
});

Deno.test("parseConfig() answers under any name with a real issuer, with the mock one if asked", () => {
  assert.equal(config({}).allowAnyHost, false);
  assert.equal(config({ GATEWAY_CONSOLE: "off" }).allowAnyHost, false);
  assert.equal(config({ GATEWAY_CONSOLE: "on" }).allowAnyHost, true);
  assert.equal(config(PRODUCTION).allowAnyHost, true);
  assert.equal(config({ ...PRODUCTION, GATEWAY_CONSOLE: "off" }).allowAnyHost, true);
});

Deno.test("parseConfig() refuses a buffer that one message could fill", () => {
  refused(
    { GATEWAY_MAX_BUFFERED_BYTES: "65536" },
    /^GATEWAY_MAX_BUFFERED_BYTES is 65536, expected at least 131072/,
  );
  const small = { GATEWAY_MAX_BUFFERED_BYTES: "65536", GATEWAY_MAX_MESSAGE_BYTES: "32768" };
  assert.equal(config(small).maxBufferedBytes, 65_536);
});

Deno.test("parseConfig() answers --help and --version, whatever else is given after the other flags", () => {
  const help = parse({ GATEWAY_PORT: "x" }, ["--host=0.0.0.0", "--help"]);
  assert.ok(help.command === "help");
  assert.ok(help.text.split("\n").every((line) => line.length <= 100));
  for (const key of Object.keys(OPTIONS)) {
    assert.ok(help.text.includes(`  --${flagName(key)}, ${envName(key)}\n`), key);
  }
  const version = parse({}, ["-v"]);
  assert.ok(version.command === "version");
  assert.match(version.text, /^\d+\.\d+\.\d+$/);
});

Deno.test("OPTIONS has each option in one group, with a default in its range", () => {
  const grouped = Object.values(OPTION_GROUPS).flatMap((group) => Object.entries(group));
  assert.deepEqual(grouped, Object.entries(OPTIONS));
  for (const [key, option] of Object.entries<Option>(OPTIONS)) {
    assert.match(option.doc, /\.$/);
    if (option.type === "integer") {
      const { min, max, default: preset = min } = option;
      assert.ok(min <= preset && preset <= max, key);
      if (option.unit !== undefined) assert.match(key, new RegExp(`${option.unit}$`, "i"));
    }
    if (option.type === "enum") assert.ok(option.choices.includes(option.default), key);
  }
});

Deno.test("parseConfig() serves strangers by node:http, and a development start by Deno.serve", () => {
  assert.equal(config({}).transport, "deno");
  assert.equal(config(PRODUCTION).transport, "node");
  assert.equal(config({ ...PRODUCTION, GATEWAY_TRANSPORT: "deno" }).transport, "deno");
  assert.equal(config({ GATEWAY_TRANSPORT: "node" }).transport, "node");
  const mock = parse({}, ["--mock"]);
  assert.ok(mock.command === "mock");
  assert.equal(mock.config.transport, "node");
  refused({ GATEWAY_TRANSPORT: "bun" }, /^GATEWAY_TRANSPORT is "bun", expected one of auto, deno,/);
});

Deno.test("parseConfig() takes a port for the API, on loopback unless told", () => {
  assert.equal(config({}).api, undefined);
  const settings = { ...PRODUCTION, GATEWAY_API_PORT: "9000" };
  assert.deepEqual(config(settings).api, { host: "127.0.0.1", port: 9000 });
  const host = { GATEWAY_API_HOST: "10.0.0.1" };
  assert.deepEqual(config({ ...settings, ...host }).api, { host: "10.0.0.1", port: 9000 });
  refused({ ...PRODUCTION, ...host }, /^GATEWAY_API_HOST has no effect without GATEWAY_API_PORT$/);
  refused({ GATEWAY_API_PORT: "9000", ...host }, /^GATEWAY_API_HOST is "10.0.0.1", but the mock/);
  refused({ GATEWAY_API_PORT: "8000" }, /^GATEWAY_API_PORT is 8000, the same as GATEWAY_PORT/);
  refused({ GATEWAY_API_PORT: "9000" }, /^--mock is for tests .+ GATEWAY_API_PORT$/, ["--mock"]);
});
