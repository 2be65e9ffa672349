/**
 * The settings for webhooks: what they become, and what is refused.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type Config, parseConfig } from "../../gateway/config/parse.ts";
import { warnOfRisks } from "../../gateway/config/warnings.ts";
import { FakeLogger } from "../../mock/doubles/logger.ts";

type Env = Readonly<Record<string, string>>;

const SECRET = `whsec_${btoa("x".repeat(32))}`;
const URL_ONLY = { GATEWAY_WEBHOOK_URL: "https://app.example.com/hooks?key=hush" };
const BOTH = { ...URL_ONLY, GATEWAY_WEBHOOK_SECRET: SECRET };

function config(env: Env, args: readonly string[] = []): Config {
  const command = parseConfig({ env, args, readTextFile: () => "" });
  assert.ok("config" in command);
  return command.config;
}

function refused(env: Env, message: RegExp, args: readonly string[] = []): void {
  assert.throws(() => config(env, args), (error: Error) => {
    assert.match(error.message, message);
    assert.doesNotMatch(error.message, /hush|eHh4/);
    return true;
  });
}

Deno.test("parseConfig() has webhooks with a URL and a secret", () => {
  assert.equal(config({}).webhooks, undefined);
  const url = new URL(BOTH.GATEWAY_WEBHOOK_URL);
  assert.deepEqual(config(BOTH).webhooks, { url, secret: SECRET, debounceMs: 1000 });
  const slow = config({ ...BOTH, GATEWAY_WEBHOOK_DEBOUNCE_MS: "0" });
  assert.equal(slow.webhooks?.debounceMs, 0);
  const nats = config({ ...BOTH, GATEWAY_NATS_URL: "nats://10.0.0.1:4222" });
  assert.equal(nats.webhooks?.debounceMs, 1000);
});

Deno.test("parseConfig() refuses half of the settings for webhooks", () => {
  refused(URL_ONLY, /^GATEWAY_WEBHOOK_SECRET is not set, but GATEWAY_WEBHOOK_URL is$/);
  const none = /^GATEWAY_WEBHOOK_\w+ has no effect without GATEWAY_WEBHOOK_URL$/;
  refused({ GATEWAY_WEBHOOK_SECRET: SECRET }, none);
  refused({ GATEWAY_WEBHOOK_DEBOUNCE_MS: "5" }, none);
  refused(BOTH, /^--mock is for tests .+ GATEWAY_WEBHOOK_URL$/, ["--mock"]);
});

Deno.test("parseConfig() refuses a webhook URL that is none", () => {
  for (const url of ["app.example.com", "ftp://app.example.com/?hush", "https://"]) {
    refused({ ...BOTH, GATEWAY_WEBHOOK_URL: url }, /^GATEWAY_WEBHOOK_URL is .+ expected an http/);
  }
  const password = "https://me:hush@app.example.com";
  refused({ ...BOTH, GATEWAY_WEBHOOK_URL: password }, /contains a user or password/);
});

Deno.test("parseConfig() refuses a webhook secret that is none, without showing it", () => {
  for (const bytes of [24, 25, 26, 64]) {
    const secret = `whsec_${btoa("x".repeat(bytes))}`;
    assert.equal(config({ ...BOTH, GATEWAY_WEBHOOK_SECRET: secret }).webhooks?.secret, secret);
  }
  const wrong = [
    btoa("x".repeat(32)),
    `whsec_${btoa("x".repeat(23))}`,
    `whsec_${btoa("x".repeat(65))}`,
    `whsec_${btoa("x".repeat(32))}x`,
    `whsec_${btoa("x".repeat(32)).replace("e", "-")}`,
    `whsec_${btoa("x".repeat(32)).replace("=", "")}`,
  ];
  for (const secret of wrong) {
    refused(
      { ...BOTH, GATEWAY_WEBHOOK_SECRET: secret },
      /^GATEWAY_WEBHOOK_SECRET is not a secret of Standard Webhooks, expected whsec_ and the Base64/,
    );
  }
});

Deno.test("warnOfRisks() warns of webhooks over http, unless to this machine", () => {
  const warned = (url: string): boolean => {
    const logger = new FakeLogger();
    warnOfRisks(config({ ...BOTH, GATEWAY_WEBHOOK_URL: url }), logger);
    assert.doesNotMatch(logger.text(), /hush/);
    return logger.messages("warn").some((text) => text.includes("GATEWAY_WEBHOOK_URL"));
  };
  assert.ok(warned("http://backend:3000/hush"));
  for (const url of ["https://backend/hush", "http://127.0.0.1:3000", "http://[::1]/"]) {
    assert.ok(!warned(url), url);
  }
});
