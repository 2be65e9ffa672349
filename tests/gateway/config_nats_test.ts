/**
 * The options for NATS: how they are read, and which are refused.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type Config, parseConfig } from "../../gateway/config/parse.ts";
import { CERTIFICATE, PRIVATE_KEY } from "./support/key_pair.ts";

const URL = { GATEWAY_NATS_URL: "nats://10.0.0.1:4222" };
const SEED = `SU${"A".repeat(56)}`;
const FILES: Readonly<Record<string, string>> = {
  "ca.pem": "-----BEGIN CERTIFICATE-----\nca",
  "cert.pem": CERTIFICATE,
  "key.pem": PRIVATE_KEY,
};

function config(env: Readonly<Record<string, string>>, args: readonly string[] = []): Config {
  const command = parseConfig({
    env,
    args,
    readTextFile: (path) => {
      const text = FILES[path];
      if (text === undefined) throw new Error(`No such file: ${path}`);
      return text;
    },
  });
  assert.ok("config" in command);
  return command.config;
}

function refused(env: Readonly<Record<string, string>>, message: RegExp): void {
  assert.throws(() => config(env), {
    name: "OperationalError",
    code: "bad_configuration",
    message,
  });
}

Deno.test("parseConfig() uses NATS only with its URL", () => {
  assert.equal(config({}).nats, undefined);
  const { nats, natsStream, natsSubject, natsReplicas } = config(URL);
  assert.deepEqual(nats, { servers: [URL.GATEWAY_NATS_URL] });
  assert.deepEqual([natsStream, natsSubject, natsReplicas], ["emagine", "emagine", 1]);
  refused(
    { GATEWAY_NATS_STREAM: "x" },
    /^GATEWAY_NATS_STREAM has no effect without GATEWAY_NATS_URL$/,
  );
  refused(
    { ...URL, GATEWAY_LOG: "sqlite" },
    /^GATEWAY_LOG cannot be set together with GATEWAY_NATS_URL$/,
  );
});

Deno.test("parseConfig() takes several servers of NATS, and nothing but servers", () => {
  const several = "nats://a:4222, tls://b.example.com:4223";
  assert.deepEqual(config({ GATEWAY_NATS_URL: several }).nats?.servers, several.split(", "));
  for (
    const url of ["a:4222", "http://a:4222", "nats://", "nats://me:secret@a:4222", "nats://a,"]
  ) {
    refused({ GATEWAY_NATS_URL: url }, /^GATEWAY_NATS_URL is ".*, expected URLs such as /);
  }
});

Deno.test("parseConfig() takes names that NATS takes", () => {
  assert.equal(config({ ...URL, GATEWAY_NATS_STREAM: "Chat_1-a" }).natsStream, "Chat_1-a");
  for (const name of ["a.b", "a b", "a>", "*", "x".repeat(65)]) {
    refused({ ...URL, GATEWAY_NATS_SUBJECT: name }, /^GATEWAY_NATS_SUBJECT is /);
  }
});

Deno.test("parseConfig() takes one way to log in to NATS", () => {
  const user = { ...URL, GATEWAY_NATS_USER: "u", GATEWAY_NATS_PASSWORD: "p" };
  const token = { ...URL, GATEWAY_NATS_TOKEN: "t" };
  const nkey = { ...URL, GATEWAY_NATS_NKEY_SEED: SEED };
  const credentials = (env: Record<string, string>) => config(env).nats?.credentials;
  assert.deepEqual(credentials(user), { kind: "user", user: "u", password: "p" });
  assert.deepEqual(credentials(token), { kind: "token", token: "t" });
  assert.deepEqual(credentials(nkey), { kind: "nkey", seed: SEED });
  refused(
    { ...user, ...token },
    /^GATEWAY_NATS_TOKEN cannot be set together with GATEWAY_NATS_USER$/,
  );
  refused({ ...token, ...nkey }, /^GATEWAY_NATS_NKEY_SEED cannot be set together with /);
  refused(
    { ...URL, GATEWAY_NATS_USER: "u" },
    /^GATEWAY_NATS_PASSWORD is not set, but GATEWAY_NATS_USER is$/,
  );
  refused({ ...URL, GATEWAY_NATS_PASSWORD: "p" }, /^GATEWAY_NATS_USER is not set, but /);
  refused(
    { ...URL, GATEWAY_NATS_NKEY_SEED: "SUSECRET" },
    /^GATEWAY_NATS_NKEY_SEED is not the seed [^S]*$/,
  );
});

Deno.test("parseConfig() reads the certificates for NATS", () => {
  const pair = { GATEWAY_NATS_TLS_CERT: "cert.pem", GATEWAY_NATS_TLS_KEY: "key.pem" };
  const ca = { GATEWAY_NATS_TLS_CA: "ca.pem" };
  const texts = { cert: FILES["cert.pem"], key: FILES["key.pem"] };
  assert.deepEqual(config({ ...URL, ...pair }).nats?.tls, texts);
  assert.deepEqual(config({ ...URL, ...pair, ...ca }).nats?.tls, { ...texts, ca: FILES["ca.pem"] });
  assert.deepEqual(config({ ...URL, ...ca }).nats?.tls, { ca: FILES["ca.pem"] });
  refused({ ...URL, GATEWAY_NATS_TLS_CA: "key.pem" }, /^GATEWAY_NATS_TLS_CA names .* in PEM$/);
  refused({ ...URL, GATEWAY_NATS_TLS_CERT: "cert.pem" }, /^GATEWAY_NATS_TLS_KEY is not set/);
});

Deno.test("parseConfig() keeps the test server away from NATS", () => {
  assert.throws(() => config(URL, ["--mock"]), /together with GATEWAY_NATS_URL/);
});
