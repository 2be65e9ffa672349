/**
 * Origins of web pages: each value that is accepted matches as its writer expects, and refused ones are logged.
 *
 * @module
 */

import assert from "node:assert/strict";
import { parseConfig } from "../../gateway/config/parse.ts";
import { createFixture, read } from "./http_fixture.ts";

const HANDSHAKE = {
  upgrade: "websocket",
  connection: "upgrade",
  "sec-websocket-version": "13",
  "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
};

function parse(origins: string): readonly string[] {
  const env = { GATEWAY_ALLOWED_ORIGINS: origins };
  const command = parseConfig({ env, args: [], readTextFile: () => "" });
  assert.ok("config" in command);
  return command.config.allowedOrigins;
}

function start(origins: string) {
  let refusals = 0;
  const fixture = createFixture({
    allowedOrigins: parse(origins),
    originRefused: () => void refusals++,
  });
  const connect = async (origin?: string): Promise<number> => {
    const headers = { ...HANDSHAKE, ...origin === undefined ? {} : { origin } };
    const request = new Request("http://gateway.test/gateway", { headers });
    const { status, json } = await read(await fixture.fetch(request));
    if (status !== 200) assert.equal(json.code, "origin_not_allowed");
    return status;
  };
  return { ...fixture, connect, refusals: () => refusals };
}

Deno.test("GET /gateway allows one label where an allowed origin has a wildcard", async () => {
  const { connect } = start("https://*.Example.com, http://*.localhost:5173, app://*.chat");
  const allowed = [
    "https://a.example.com",
    "HTTPS://A-1.EXAMPLE.COM",
    "http://app.localhost:5173",
    "app://one.chat",
    undefined,
  ];
  for (const origin of allowed) assert.equal(await connect(origin), 200, origin);
  const refused = [
    "https://example.com",
    "https://a.b.example.com",
    "https://evil-example.com",
    "https://evil.example.com.evil.test",
    "https://.example.com",
    "http://a.example.com",
    "https://a.example.com:8443",
    "http://app.localhost",
    "null",
  ];
  for (const origin of refused) assert.equal(await connect(origin), 403, origin);
});

Deno.test("GET /gateway allows an origin without a wildcard as it is, and no label before it", async () => {
  const { connect } = start("https://example.com");
  assert.equal(await connect("https://example.com"), 200);
  assert.equal(await connect("https://a.example.com"), 403);
});

Deno.test("parseConfig() refuses any other wildcard of origins", () => {
  const others = [
    "*",
    "*.example.com",
    "https://*",
    "https://*.",
    "https://*example.com",
    "https://a*.example.com",
    "https://a.*.com",
    "https://*.*.com",
    "https://**.example.com",
    "https://*.1.2.3.4",
    "https://*.example.com:*",
    "*://a.example.com",
    "https://good.example.com,https://*",
  ];
  for (const text of others) {
    assert.throws(() => parse(text), {
      code: "bad_configuration",
      message: /^GATEWAY_ALLOWED_ORIGINS is ".+", expected origins such as .*\*\.example\.com$/,
    }, text);
  }
  assert.deepEqual(parse("https://*.Bücher.example:443"), ["https://*.xn--bcher-kva.example"]);
});

Deno.test("GET /gateway logs an origin that it refuses, cut to a sane length, once in a while", async () => {
  const { connect, logger, clock, refusals } = start("https://*.example.com");
  assert.equal(await connect("https://evil.test"), 403);
  assert.equal(await connect("https://other.test"), 403);
  const warned = () => logger.lines.filter(({ level }) => level === "warn");
  assert.deepEqual(warned().map(({ fields }) => fields["origin"]), ["https://evil.test"]);
  assert.match(warned()[0]?.message ?? "", /GATEWAY_ALLOWED_ORIGINS/);
  assert.equal(refusals(), 2);
  await clock.advance(10_000);
  assert.equal(await connect(`https://${"x".repeat(8000)}.test`), 403);
  assert.match(String(warned()[1]?.fields["origin"]), /^https:\/\/x{192}…$/);
});

Deno.test("GET /gateway logs nothing of an origin that it allows", async () => {
  const { connect, logger } = start("https://*.example.com");
  assert.equal(await connect("https://a.example.com"), 200);
  assert.equal(await connect(), 200);
  assert.deepEqual(logger.lines, []);
});
