/**
 * No secret of a URL is shown, neither in the error of a start nor in a log line, whatever its form.
 *
 * @module
 */

import assert from "node:assert/strict";
import { KeySet } from "../../auth/mod.ts";
import { parseConfig } from "../../gateway/config/parse.ts";
import { OperationalError } from "../../gateway/errors.ts";
import { redactUrl, redactUrls } from "../../gateway/redact_url.ts";
import { createLogger, finishLog } from "../../gateway/runtime/logger.ts";
import { FakeClock } from "../../mock/doubles/clock.ts";
import { FakeLogger } from "../../mock/doubles/logger.ts";

/** A part of every secret in this file. */
const SECRET = /hush/;
const PUBLISH_KEY = { GATEWAY_PUBLISH_KEY: "a-key-of-the-backend" };
/** URLs with a login, valid and invalid. */
const LOGINS = [
  "//me:hush@a:4222",
  "//hush@a:4222",
  "//me:12/hush@a:4222",
  "//me:hush?1@a:4222",
  "//me:12?hush@a",
  "//me:hu#hush@a",
  "//me:x@hush@a",
  "//me:hush@a:4222,nats://you:hush@b",
  "//a:4222, nats://you:hush,hush@b",
  "//me:%68hush@[::1]:4222/path?hush",
  "//me:hush @a",
];

Deno.test("redactUrl() leaves scheme, host and path, and nothing at all where it cannot tell", () => {
  const cases = {
    "https://id.example.com/jwks": "https://id.example.com/jwks",
    "https://id.example.com/jwks?key=hush#hush": "https://id.example.com/jwks?…",
    "https://id.example.com/jwks?key=a@hush": "https://…",
    "nats://me:hush@a:4222": "nats://…@a:4222",
    "nats://me:12/hush@a": "nats://…",
    "me:hush@a:4222": "…",
    "a:4222": "a:4222",
    "file:///app/node_modules/@nats-io/mod.ts": "file:///app/node_modules/@nats-io/mod.ts",
  };
  for (const [text, shown] of Object.entries(cases)) assert.equal(redactUrl(text), shown);
  assert.equal(
    redactUrls("sending to (https://h/keys?k=hush(1)hush): refused, see https://h/help."),
    "sending to (https://h/keys?… refused, see https://h/help.",
  );
});

Deno.test("parseConfig() shows no login and no query of a URL that it refuses", () => {
  const refused = [
    ...LOGINS.flatMap((rest) =>
      ["nats:", "http:", "https:", ""].flatMap((scheme) => [
        { GATEWAY_NATS_URL: scheme + rest },
        { GATEWAY_JWKS_URL: scheme === "https:" ? `ftp:${rest}` : scheme + rest },
        { GATEWAY_ALLOWED_ORIGINS: scheme + rest },
        { GATEWAY_HOST: scheme + rest },
      ])
    ),
    { GATEWAY_NATS_URL: "me:hush@a:4222" },
    { GATEWAY_JWKS_URL: "http://id.example.com/jwks?key=hush" },
    { GATEWAY_JWKS_URL: "https://me:hush@id.example.com/jwks" },
  ];
  for (const env of refused) {
    assert.throws(() => parseConfig({ env, args: [], readTextFile: () => "" }), (error) => {
      assert.ok(error instanceof OperationalError, String(error));
      assert.ok(error.message.startsWith(Object.keys(env)[0] ?? ""), error.message);
      assert.doesNotMatch(error.message, SECRET, JSON.stringify(env));
      return true;
    });
  }
});

Deno.test("parseConfig() takes a JWKS URL with a query as it is", () => {
  const GATEWAY_JWKS_URL = "https://id.example.com/jwks?key=hush";
  const env = { ...PUBLISH_KEY, GATEWAY_JWKS_URL };
  const command = parseConfig({ env, args: [], readTextFile: () => "" });
  assert.ok("config" in command && command.config.auth.mode === "jwks");
  assert.equal(command.config.auth.url.href, GATEWAY_JWKS_URL);
});

Deno.test("KeySet logs no query of the issuer's URL, nor does an error that it throws have it", async () => {
  const log = new FakeLogger();
  const clock = new FakeClock();
  const url = new URL("https://id.example.com/jwks?key=hush");
  let asked = "";
  const keys = new KeySet({
    url,
    clock,
    log,
    fetch: (request) => {
      asked = request.url;
      const cause = new Error(`error sending request for url (${request.url}): dns error`);
      return Promise.reject(new TypeError(`fetch of ${request.url} failed`, { cause }));
    },
  });
  await keys.prefetch();
  assert.equal(asked, url.href);
  const thrown = await keys.find({ alg: "RS256" }).then(() => undefined, (error) => error);
  const [line] = log.lines;
  assert.equal(line?.fields["url"], "https://id.example.com/jwks?…");
  for (const error of [line?.fields["error"], thrown]) {
    assert.doesNotMatch(Deno.inspect(error), SECRET);
    assert.match(Deno.inspect(error), /dns error/);
  }
});

Deno.test("createLogger() strikes out logins and queries of URLs wherever they are", async () => {
  const error = new Error("fetch of https://h/?k=hush failed", {
    cause: new Error("no route to nats://me:hush@a:4222"),
  });
  for (const format of ["json", "text"] as const) {
    let text = "";
    const write = (line: string) => void (text += line);
    const logger = createLogger({ level: "info", format, terminal: false, write });
    logger.info("asking https://h/?k=hush", {
      error,
      url: "https://h/?hush",
      list: ["a://u:hush@h"],
    });
    await finishLog();
    assert.doesNotMatch(text, SECRET);
    assert.match(text, /nats:\/\/…@a:4222/);
    assert.match(text, /redact_url_test\.ts:\d+/);
  }
});
