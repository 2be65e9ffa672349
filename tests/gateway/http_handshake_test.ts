/**
 * `GET /gateway`: admission of a handshake, and what it is refused for.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { HttpOptions, LoginIssuer } from "../../gateway/http/mod.ts";
import { settle } from "../../mock/doubles/clock.ts";
import { createFixture, HANDSHAKE } from "./http_fixture.ts";

const ENTRY = { accept: () => assert.fail("no socket was opened"), abandon: () => {} };

Deno.test("GET /gateway admits a handshake, with the address, and answers as the transport does", async () => {
  const answered = new Response("switching");
  const admitted: string[] = [];
  const { fetch } = createFixture({
    connect: (address) => {
      admitted.push(address);
      return ENTRY;
    },
    upgrade: () => answered,
  });
  for (const upgrade of ["websocket", "WebSocket", "h2c, websocket"]) {
    const request = new Request("http://gateway.test/gateway", {
      headers: { ...HANDSHAKE, upgrade },
    });
    assert.equal(await fetch(request), answered, "the very response, which the runtime must get");
  }
  assert.deepEqual(admitted, ["192.0.2.1", "192.0.2.1", "192.0.2.1"]);
});

Deno.test("GET /gateway passes a heartbeat interval on with the mock issuer, and never without", async () => {
  const issuer: LoginIssuer = {
    login: () => Promise.resolve("wrong_password"),
    jwks: () => Promise.resolve({ keys: [] }),
  };
  const asked = async (query: string, options: Partial<HttpOptions>) => {
    const intervals: (number | undefined)[] = [];
    const connect: HttpOptions["connect"] = (_, interval) => {
      intervals.push(interval);
      return ENTRY;
    };
    const { call } = createFixture({ connect, ...options });
    const { status, json } = await call("GET", `/gateway${query}`, { headers: HANDSHAKE });
    return status === 200 ? intervals : [status, json.code, json.errors[0].parameter, ...intervals];
  };
  assert.deepEqual(await asked("?heartbeat_interval=1000&other=1", { issuer }), [1000]);
  assert.deepEqual(await asked("", { issuer }), [undefined]);
  for (const value of ["", "999", "0", "-1", "1e99", "1000.5", "NaN", "Infinity", "soon"]) {
    const query = `?heartbeat_interval=${value}`;
    const refused = [400, "invalid_query", "heartbeat_interval"];
    assert.deepEqual(await asked(query, { issuer }), refused, query);
    assert.deepEqual(await asked(query, {}), [undefined], query);
  }
  assert.deepEqual(await asked("?heartbeat_interval=3000", {}), [undefined]);
});

Deno.test("GET /gateway gives the place back when the transport makes no WebSocket", async () => {
  let abandoned = 0;
  const { call } = createFixture({
    connect: () => ({ ...ENTRY, abandon: () => void abandoned++ }),
    upgrade: () => "the peer is gone",
  });
  const answer = await call("GET", "/gateway", { headers: HANDSHAKE });
  assert.deepEqual([answer.status, answer.json.code], [400, "bad_handshake"]);
  assert.equal(abandoned, 1);
});

Deno.test("GET /gateway answers a client that connects too often with 429, and a second later", async () => {
  const { fetch, clock } = createFixture({ connect: () => "too soon" });
  const answers: Response[] = [];
  const request = new Request("http://gateway.test/gateway", { headers: HANDSHAKE });
  void fetch(request).then((answer) => answers.push(answer));
  await clock.advance(999);
  assert.equal(answers.length, 0);
  await clock.advance(1);
  await settle();
  const [answer] = answers;
  assert.equal(answer?.status, 429);
  assert.equal((await answer.json()).code, "too_many_attempts");
});

Deno.test("GET /gateway that asks for no WebSocket is 426", async () => {
  const { call } = createFixture();
  const { upgrade: _, ...none } = HANDSHAKE;
  for (const headers of [none, { ...HANDSHAKE, upgrade: "h2c" }]) {
    const answer = await call("GET", "/gateway", { headers });
    assert.equal(answer.status, 426);
    assert.equal(answer.json.code, "upgrade_required");
    assert.equal(answer.headers.get("upgrade"), "websocket");
    assert.equal(answer.headers.get("connection"), "upgrade");
    assert.equal(answer.headers.get("sec-websocket-version"), "13");
  }
});
