/**
 * The mock issuer behind `POST /login`: it makes no token that is longer than a frame.
 *
 * @module
 */

import assert from "node:assert/strict";
import { FakeClock } from "../../mock/doubles/clock.ts";
import { FakeIds } from "../../mock/doubles/ids.ts";
import { MockIssuer } from "../../mock/issuer.ts";
import { loginIssuer } from "../../mock/gateway/login.ts";

const issuer = await MockIssuer.create({ clock: new FakeClock(), ids: new FakeIds("key") });
const REQUEST = { user: "alice", password: "any", channels: ["general"], expires_in: 3600 };

Deno.test("login() refuses a token with which no client could identify, or come back", async () => {
  const channels = Array.from({ length: 100 }, (_, index) => `channel ${index}`.padEnd(255, "."));
  const usual = loginIssuer(issuer, { maxFrameBytes: 4096 });
  assert.equal(await usual.login({ ...REQUEST, channels }), "token_too_long");
  const large = await loginIssuer(issuer, { maxFrameBytes: 65_536 }).login({
    ...REQUEST,
    channels,
  });
  assert.ok(typeof large === "object");

  const answer = await usual.login(REQUEST);
  assert.ok(typeof answer === "object");
  const last_id = `${"e".repeat(40)}-${Number.MAX_SAFE_INTEGER}`;
  const frame = JSON.stringify({ op: 1, token: answer.token, last_id });
  const tooSmall = loginIssuer(issuer, { maxFrameBytes: frame.length - 1 });
  assert.equal(await tooSmall.login(REQUEST), "token_too_long");
  const enough = loginIssuer(issuer, { maxFrameBytes: frame.length + 10 });
  assert.ok(typeof await enough.login(REQUEST) === "object");
});

Deno.test("login() tells a wrong password from a token that is too long", async () => {
  const small = loginIssuer(issuer, { maxFrameBytes: 128 });
  assert.equal(await small.login({ ...REQUEST, password: "wrong" }), "wrong_password");
  assert.equal(await small.login(REQUEST), "token_too_long");
});
