/**
 * The console's routes: their answers, headers, permissions, and secrets that they never contain.
 *
 * @module
 */

import assert from "node:assert/strict";
import { CONSOLE_FILES } from "../../gateway/http/console.ts";
import type { ConsoleOptions, LoginIssuer } from "../../gateway/http/mod.ts";
import { type Answer, createFixture, type Fixture, KEY, read } from "./http_fixture.ts";

const PAGE: ConsoleOptions = {
  files: new Map(CONSOLE_FILES.map((name) => [name, `text of ${name}`])),
  heartbeatIntervalMs: 45_000,
};

const PATHS = {
  "/": ["text/html; charset=utf-8", "text of index.html"],
  "/console.js": ["text/javascript; charset=utf-8", "text of console.js"],
  "/console.css": ["text/css; charset=utf-8", "text of console.css"],
  "/console.svg": ["image/svg+xml", "text of console.svg"],
  "/console.json": [
    "application/json",
    '{"login":false,"heartbeat_interval":45000,"version":"1.2.3"}',
  ],
} as const;

const issuer: LoginIssuer = {
  login: () => Promise.resolve("wrong_password"),
  jwks: () => Promise.resolve({ keys: [] }),
};

async function ask(fixture: Fixture, url: string, method = "GET"): Promise<Answer> {
  return await read(await fixture.fetch(new Request(url, { method })));
}

Deno.test("the console serves its page and files, each as what it is", async () => {
  const fixture = createFixture({ console: PAGE });
  for (const [path, [type, text]] of Object.entries(PATHS)) {
    const answer = await ask(fixture, `http://127.0.0.1:8000${path}`);
    assert.equal(answer.status, 200, path);
    assert.equal(answer.headers.get("content-type"), type);
    assert.equal(answer.text, text);
  }
});

Deno.test("the console lets nothing in, and nobody frame or read it", async () => {
  const fixture = createFixture({ console: PAGE });
  for (const path of Object.keys(PATHS)) {
    const { headers } = await ask(fixture, `http://127.0.0.1:8000${path}`);
    const policy = new Map(
      headers.get("content-security-policy")?.split("; ").map((directive) => {
        const [name = "", ...sources] = directive.split(" ");
        return [name, sources.join(" ")];
      }),
    );
    assert.deepEqual(Object.fromEntries(policy), {
      "default-src": "'none'",
      "script-src": "'self'",
      "style-src": "'self'",
      "connect-src": "'self'",
      "img-src": "'self'",
      "base-uri": "'none'",
      "form-action": "'none'",
      "frame-ancestors": "'none'",
    }, path);
    assert.equal(headers.get("x-content-type-options"), "nosniff");
    assert.equal(headers.get("referrer-policy"), "no-referrer");
    assert.equal(headers.get("cross-origin-opener-policy"), "same-origin");
    assert.equal(headers.get("cross-origin-resource-policy"), "same-origin");
    assert.equal(headers.get("cache-control"), "no-store");
    assert.equal(headers.get("access-control-allow-origin"), null);
  }
});

Deno.test("the console takes GET and HEAD, and nothing else", async () => {
  const fixture = createFixture({ console: PAGE });
  for (const [path, [type, text]] of Object.entries(PATHS)) {
    const head = await ask(fixture, `http://localhost:8000${path}`, "HEAD");
    assert.deepEqual([head.status, head.text], [200, ""], path);
    assert.equal(head.headers.get("content-type"), type);
    assert.equal(head.headers.get("content-length"), String(text.length));
    const post = await ask(fixture, `http://localhost:8000${path}`, "POST");
    assert.equal(post.status, 405);
    assert.equal(post.headers.get("allow"), "GET, HEAD");
  }
});

Deno.test("/console.json says whether there is a login, and never a key that is one", async () => {
  const settings = async (fixture: Fixture) =>
    (await ask(fixture, "http://localhost/console.json")).json;
  const development = await settings(
    createFixture({ console: PAGE, issuer, publishKeys: ["dev"] }),
  );
  assert.equal(development.login, true);
  assert.equal(development.publish_key, "dev");
  const production = createFixture({ console: PAGE });
  const answer = await ask(production, "http://localhost/console.json");
  assert.deepEqual(answer.json, { login: false, heartbeat_interval: 45_000, version: "1.2.3" });
  assert.ok(!answer.text.includes(KEY));
});

Deno.test("a console that is not built says how to build it", async () => {
  const fixture = createFixture({ console: { ...PAGE, files: new Map() } });
  const answer = await ask(fixture, "http://localhost:8000/");
  assert.equal(answer.status, 503);
  assert.equal(answer.json.code, "console_not_built");
  assert.match(answer.json.detail, /deno task build:console/);
});

Deno.test("without the console its routes do not exist, and no document ever has them", async () => {
  const without = createFixture({ issuer });
  for (const path of Object.keys(PATHS)) {
    assert.equal((await ask(without, `http://localhost:8000${path}`)).status, 404, path);
  }
  const document = await ask(createFixture({ console: PAGE, issuer }), "http://x/openapi.json");
  assert.deepEqual(
    document.text,
    (await ask(without, "http://x/openapi.json")).text,
  );
});

Deno.test("the console on a port of its own knows where clients are, and may talk to them", async () => {
  const { call } = createFixture({ console: { ...PAGE, clientsUrl: "http://127.0.0.1:9001" } });
  const { json } = await call("GET", "/console.json");
  assert.equal(json.clients_url, "http://gateway.test:9001");
  const { headers } = await call("GET", "/");
  const policy = headers.get("content-security-policy") ?? "";
  assert.match(policy, /connect-src 'self' http:\/\/gateway\.test:9001 ws:\/\/gateway\.test:9001;/);
});
