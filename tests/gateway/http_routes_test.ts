/**
 * Rules for all routes: keys, unknown routes and methods, HEAD, headers and bugs; and the routes for operators
 * and the login.
 *
 * @module
 */

import assert from "node:assert/strict";
import { OperationalError } from "../../gateway/errors.ts";
import type { LoginIssuer, Routes } from "../../gateway/http/mod.ts";
import type { LoginRequest } from "../../gateway/ports.ts";
import { createFixture, HANDSHAKE, KEY, read } from "./http_fixture.ts";

const BACKEND_ROUTES = [
  ["POST", "/messages"],
  ["GET", "/messages"],
  ["POST", "/signals"],
  ["GET", "/users/alice"],
  ["GET", "/users?user=alice"],
  ["GET", "/channels/general"],
  ["GET", "/channels/general/users"],
  ["DELETE", "/users/alice/connections"],
  ["DELETE", "/users/alice/tokens"],
  ["PUT", "/users/alice/channels/general"],
  ["DELETE", "/users/alice/channels/general"],
] as const;

/** An issuer that records its requests. */
function createIssuer(): LoginIssuer & { readonly requests: LoginRequest[] } {
  const requests: LoginRequest[] = [];
  return {
    requests,
    login(request) {
      requests.push(request);
      const { user, password, expires_in } = request;
      return Promise.resolve(
        password === "wrong" ? "wrong_password" : { token: "a.b.c", user, expires_in },
      );
    },
    jwks: () => Promise.resolve({ keys: [] }),
  };
}

Deno.test("the backend's routes refuse requests without a publish key", async () => {
  const { call, users } = createFixture();
  const wrong = [
    "",
    "Bearer",
    "Bearer ",
    `Basic ${KEY}`,
    KEY,
    `Bearer ${KEY}x`,
    `Bearer ${KEY} x`,
    `Bearer ${KEY.slice(0, -1)}`,
    `Bearer ${KEY}${KEY}`,
    `Bearer b${KEY.slice(1)}`,
  ];
  for (const [method, path] of BACKEND_ROUTES) {
    for (const authorization of wrong) {
      const answer = await call(method, path, { headers: { authorization } });
      assert.equal(answer.status, 401, `${method} ${path} with ${authorization}`);
      assert.equal(answer.json.code, "unauthorized");
      assert.match(answer.headers.get("www-authenticate") ?? "", /^Bearer /);
      assert.ok(!answer.text.includes(KEY));
    }
  }
  assert.deepEqual(users.calls, []);
});

Deno.test("routes of the backend and the login refuse query parameters that they do not know", async () => {
  const issuer = createIssuer();
  const { call, users, counts, signals } = createFixture({ issuer });
  for (const [method, path] of [...BACKEND_ROUTES, ["POST", "/login"]] as const) {
    const query = `${path.includes("?") ? "&" : "?"}issued_before=1`;
    const message = { author: "bob", content: 1 };
    const valid = path === "/login" ? { user: "alice", password: "x" } : message;
    const body = method === "POST" ? valid : undefined;
    const answer = await call(method, path + query, { body });
    assert.deepEqual(
      [answer.status, answer.json.code],
      [400, "invalid_query"],
      `${method} ${path}`,
    );
    assert.equal(answer.json.errors[0].parameter, "issued_before");
  }
  assert.deepEqual([users.calls, counts, signals, issuer.requests], [[], [], [], []]);
  assert.equal((await call("GET", "/users/alice?")).status, 200);
});

Deno.test("the backend's routes accept each of the keys, however the scheme is written", async () => {
  const { call } = createFixture({ publishKeys: ["old", "new"] });
  for (const authorization of ["Bearer old", "Bearer new", "bearer new", "BEARER  new"]) {
    const answer = await call("GET", "/users/alice", { headers: { authorization } });
    assert.equal(answer.status, 200, authorization);
  }
});

Deno.test("the backend's routes refuse everybody when there are no keys", async () => {
  const { call } = createFixture({ publishKeys: [] });
  const answer = await call("GET", "/users/alice", { headers: { authorization: "Bearer x" } });
  assert.equal(answer.status, 401);
});

Deno.test("an unknown route is 404, as a problem", async () => {
  const { call } = createFixture();
  for (
    const path of ["/", "/nowhere", "/messages/", "/messages/1", "/channels", "/users//channels/x"]
  ) {
    const answer = await call("GET", path);
    assert.equal(answer.status, 404, path);
    assert.equal(answer.headers.get("content-type"), "application/problem+json");
    const { title, status, code, detail } = answer.json;
    assert.deepEqual([title, status, code], ["Not Found", 404, "not_found"]);
    assert.equal(typeof detail, "string");
  }
});

Deno.test("an unknown method of a known route is 405 with Allow", async () => {
  const { call } = createFixture({ issuer: createIssuer() });
  const expected = {
    "/messages": "GET, HEAD, POST",
    "/users/a%2Fb": "GET, HEAD",
    "/users/alice/connections": "DELETE",
    "/users/alice/channels/general": "DELETE, PUT",
    "/gateway": "GET, HEAD",
    "/health": "GET, HEAD",
    "/health/live": "GET, HEAD",
    "/openapi.json": "GET, HEAD",
    "/login": "OPTIONS, POST",
  };
  for (const [path, allow] of Object.entries(expected)) {
    const answer = await call("PATCH", path);
    assert.equal(answer.status, 405, path);
    assert.equal(answer.json.code, "method_not_allowed");
    assert.equal(answer.headers.get("allow"), allow);
  }
});

Deno.test("HEAD answers like GET, without the body but with its length", async () => {
  const { call } = createFixture();
  for (
    const path of [
      ...["/health", "/health/live", "/metrics", "/openapi.json"],
      ...["/messages", "/gateway", "/nowhere"],
    ]
  ) {
    const get = await call("GET", path);
    const head = await call("HEAD", path, { headers: path === "/gateway" ? HANDSHAKE : {} });
    assert.equal(head.status, get.status, path);
    assert.equal(head.text, "");
    assert.equal(head.headers.get("content-length"), String(new Blob([get.text]).size));
    assert.equal(head.headers.get("content-type"), get.headers.get("content-type"));
  }
});

Deno.test("no answer may be sniffed, and what is for one caller is not stored", async () => {
  const { call } = createFixture({ issuer: createIssuer() });
  const login = await call("POST", "/login", { body: { user: "alice", password: "x" } });
  const answers = [
    login,
    ...await Promise.all(
      ["/messages", "/users/alice", "/health", "/metrics", "/nowhere"].map((path) =>
        call("GET", path)
      ),
    ),
  ];
  for (const answer of answers) {
    assert.equal(answer.headers.get("x-content-type-options"), "nosniff");
    assert.equal(answer.headers.get("cache-control"), "no-store");
  }
});

Deno.test("a bug is 500, is logged with its cause, and tells the caller nothing", async () => {
  const bug = () => Promise.reject(new TypeError("secret is not a function"));
  let bugs = 0;
  const { call, logger } = createFixture({ metricsText: bug, bug: () => void bugs++ });
  const answer = await call("GET", "/metrics");
  assert.equal(answer.status, 500);
  assert.equal(answer.json.code, "internal_error");
  assert.ok(!answer.text.includes("secret"));
  assert.equal(bugs, 1);
  const [line] = logger.lines;
  assert.equal(line?.level, "error");
  assert.match(logger.text(), /secret is not a function/);
  assert.ok(!logger.text().includes(KEY), "the publish key is in no log line");
});

Deno.test("while draining, /gateway and /health are 503 and publishing goes on", async () => {
  const { call } = createFixture({ draining: () => true, connect: () => "draining" });
  for (const path of ["/gateway", "/health"]) {
    const answer = await call("GET", path, { headers: HANDSHAKE });
    assert.equal(answer.status, 503, path);
    assert.equal(answer.json.code, "draining");
    assert.match(answer.headers.get("retry-after") ?? "", /^[1-9]\d*$/);
  }
  const body = { author: "7", content: 1 };
  assert.equal((await call("POST", "/messages", { body })).status, 201);
});

Deno.test("GET /health needs no key and follows the log", async () => {
  let full = false;
  const { log } = createFixture();
  const check = () =>
    full
      ? Promise.reject(new OperationalError("log_unavailable", "the disk is full"))
      : Promise.resolve();
  const { fetch } = createFixture({ log: { ...log, check } });
  const health = async () => await read(await fetch(new Request("http://gateway.test/health")));
  assert.deepEqual((await health()).json, { status: "ok" });
  full = true;
  const answer = await health();
  assert.deepEqual([answer.status, answer.json.code], [503, "log_unavailable"]);
  full = false;
  assert.equal((await health()).status, 200);
});

Deno.test("GET /health/live is 200 without a key, also while draining and without a log", async () => {
  const { log } = createFixture();
  const check = () => Promise.reject(new OperationalError("log_corrupt", "damaged"));
  const { fetch } = createFixture({ log: { ...log, check }, draining: () => true });
  const answer = await read(await fetch(new Request("http://gateway.test/health/live")));
  assert.deepEqual([answer.status, answer.json], [200, { status: "ok" }]);
});

Deno.test("GET /metrics gives the text as it is", async () => {
  const { fetch } = createFixture();
  const answer = await read(await fetch(new Request("http://gateway.test/metrics")));
  assert.equal(answer.text, "gateway_up 1\n");
  assert.match(answer.headers.get("content-type") ?? "", /^text\/plain; version=0\.0\.4/);
});

Deno.test("POST /login fills in the defaults and gives the token", async () => {
  const issuer = createIssuer();
  const { call } = createFixture({ issuer });
  const answer = await call("POST", "/login", { body: { user: "alice", password: "x" } });
  assert.equal(answer.status, 200);
  assert.deepEqual(answer.json, { token: "a.b.c", user: "alice", expires_in: 3600 });
  const body = { user: "bob", password: "", channels: [], expires_in: 1 };
  await call("POST", "/login", { body });
  assert.deepEqual(issuer.requests, [
    { user: "alice", password: "x", channels: ["general"], expires_in: 3600 },
    body,
  ]);
});

Deno.test("POST /login refuses a wrong password and a wrong body", async () => {
  const { call } = createFixture({ issuer: createIssuer() });
  const wrong = await call("POST", "/login", { body: { user: "alice", password: "wrong" } });
  assert.deepEqual([wrong.status, wrong.json.code], [401, "wrong_password"]);
  assert.ok(wrong.headers.has("www-authenticate"));
  for (
    const [body, pointer] of [
      [{ password: "x" }, "#/user"],
      [{ user: "alice" }, "#/password"],
      [{ user: "alice", password: "x", channels: "general" }, "#/channels"],
      [{ user: "alice", password: "x", channels: [1] }, "#/channels/0"],
      [{ user: "alice", password: "x", expires_in: 0 }, "#/expires_in"],
      [{ user: "alice", password: "x", admin: true }, "#/admin"],
    ] as const
  ) {
    const answer = await call("POST", "/login", { body });
    assert.equal(answer.status, 400);
    assert.equal(answer.json.errors[0].pointer, pointer);
  }
});

Deno.test("POST /login for more channels than a frame carries says what to do", async () => {
  const issuer: LoginIssuer = { ...createIssuer(), login: () => Promise.resolve("token_too_long") };
  const { call } = createFixture({ issuer });
  const answer = await call("POST", "/login", { body: { user: "alice", password: "x" } });
  assert.deepEqual([answer.status, answer.json.code], [400, "token_too_long"]);
  assert.match(answer.json.detail, /longer than a frame.*fewer.*GATEWAY_MAX_FRAME_BYTES/);
});

Deno.test("/login and its keys may be called by scripts of any origin, errors included", async () => {
  const { call } = createFixture({ issuer: createIssuer() });
  const headers = { origin: "https://app.test", "access-control-request-method": "POST" };
  const preflight = await call("OPTIONS", "/login", { headers });
  assert.equal(preflight.status, 204);
  assert.equal(preflight.headers.get("access-control-allow-headers"), "Content-Type");
  const answers = [
    preflight,
    await call("POST", "/login", { headers, body: { user: "alice", password: "x" } }),
    await call("POST", "/login", { headers, body: { user: "alice", password: "wrong" } }),
    await call("GET", "/.well-known/jwks.json", { headers }),
  ];
  assert.deepEqual(answers.map(({ status }) => status), [204, 200, 401, 200]);
  for (const answer of answers) {
    assert.equal(answer.headers.get("access-control-allow-origin"), "*");
  }
  for (const [method, path] of BACKEND_ROUTES) {
    const answer = await call(method, path, { headers });
    assert.equal(answer.headers.get("access-control-allow-origin"), null);
    const options = await call("OPTIONS", path, { headers });
    assert.deepEqual([options.status, options.headers.get("access-control-allow-origin")], [
      405,
      null,
    ]);
  }
});

Deno.test("without an issuer there is no login and there are no keys", async () => {
  const { call } = createFixture();
  for (const [method, path] of [["POST", "/login"], ["GET", "/.well-known/jwks.json"]] as const) {
    assert.equal((await call(method, path)).json.code, "not_found");
  }
});

Deno.test("createHttp() parts the routes of clients from all others", async () => {
  const routes = {
    clients: ["/gateway", "/login", "/.well-known/jwks.json"],
    api: ["/messages", "/users/alice", "/metrics", "/openapi.json", "/asyncapi.json"],
    both: ["/health", "/health/live"],
  };
  const statuses = async (part: Routes, paths: readonly string[]) => {
    const { call } = createFixture({ issuer: createIssuer() }, part);
    return await Promise.all(paths.map(async (path) => (await call("GET", path)).status));
  };
  for (const part of ["clients", "api"] as const) {
    const other = part === "clients" ? "api" : "clients";
    assert.ok(!(await statuses(part, [...routes[part], ...routes.both])).includes(404), part);
    assert.deepEqual(await statuses(part, routes[other]), routes[other].map(() => 404), part);
  }
});
