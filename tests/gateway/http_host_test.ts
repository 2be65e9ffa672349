/**
 * The names under which a gateway with the mock issuer answers: on no route one that a stranger could lead to
 * this machine.
 *
 * @module
 */

import assert from "node:assert/strict";
import { isPublicName } from "../../gateway/http/host.ts";
import { createFixture, KEY, read } from "./http_fixture.ts";

const OWN = [
  "127.0.0.1",
  "127.0.0.1:8000",
  "LOCALHOST:8000",
  "localhost.",
  "[::1]:8",
  // Addresses are not names: those of an emulator or a container.
  "10.0.2.2",
  "192.0.2.1:8000",
  "[2001:db8::1]",
  // Names that nobody can register.
  "app.localhost:5173",
  "host.docker.internal:8000",
  "chat.test",
  "laptop.local",
  "emagine_gateway",
];
const OTHERS = [
  "rebound.example:8000",
  "localhost.example",
  "127.0.0.1.example",
  "127.0.0.1.nip.io",
  "test.example.",
  "notlocalhost.example",
  "internal.example",
];

const ROUTES = [
  ["GET", "/health"],
  ["HEAD", "/health"],
  ["GET", "/health/live"],
  ["GET", "/gateway"],
  ["POST", "/messages"],
  ["GET", "/messages"],
  ["POST", "/login"],
  ["GET", "/"],
  ["OPTIONS", "/login"],
  ["GET", "/%ff"],
] as const;

Deno.test("a gateway with the mock issuer answers under names that cannot be registered", async () => {
  const { fetch, logger } = createFixture({ allowAnyHost: false });
  for (const host of OWN) {
    const { status } = await read(await fetch(new Request(`http://${host}/health`)));
    assert.equal(status, 200, host);
  }
  assert.deepEqual(logger.lines, []);
});

Deno.test("a gateway with the mock issuer refuses other names on every route, and says why", async () => {
  const { fetch, counts, logger } = createFixture({ allowAnyHost: false });
  const headers = { authorization: `Bearer ${KEY}`, "content-type": "application/json" };
  const draft = '{"author":"1","content":1}';
  for (const host of OTHERS) {
    for (const [method, path] of ROUTES) {
      const body = method === "POST" ? draft : null;
      const request = new Request(`http://${host}${path}`, { method, headers, body });
      const refused = await read(await fetch(request));
      assert.equal(refused.status, 403, `${method} ${host}${path}`);
      assert.equal(refused.json.code, "host_not_allowed");
      assert.match(refused.json.detail, /localhost.*GATEWAY_CONSOLE=on/);
      assert.equal(refused.headers.get("access-control-allow-origin"), null);
    }
  }
  assert.deepEqual(counts, [], "nothing was published");
  assert.equal(logger.lines.length, 1, "and it is logged once");
  assert.deepEqual(logger.lines[0]!.fields, { host: "rebound.example" });
});

Deno.test("a name that only begins like one that has just passed is refused", async () => {
  const { fetch } = createFixture({ allowAnyHost: false });
  const statuses: number[] = [];
  for (const host of ["127.0.0.1", "127.0.0.1.nip.io", "127.0.0.1"]) {
    statuses.push((await read(await fetch(new Request(`http://${host}/health`)))).status);
  }
  assert.deepEqual(statuses, [200, 403, 200]);
});

Deno.test("with every name allowed, any is answered", async () => {
  for (const fixture of [createFixture(), createFixture({ allowAnyHost: true })]) {
    for (const host of [...OWN, ...OTHERS]) {
      const { status } = await read(await fixture.fetch(new Request(`http://${host}/health`)));
      assert.equal(status, 200, host);
    }
  }
});

Deno.test("isPublicName() takes a reserved name for one only where it is the last part", () => {
  assert.equal(isPublicName("test"), false);
  assert.equal(isPublicName("a.test"), false);
  assert.equal(isPublicName("a.test."), false);
  assert.equal(isPublicName("a.atest"), true);
  assert.equal(isPublicName("test.com"), true);
  assert.equal(isPublicName("[::1]"), false);
});
