/**
 * The route that revokes tokens.
 *
 * @module
 */

import assert from "node:assert/strict";
import { OperationalError } from "../../gateway/errors.ts";
import { createFixture, FakeUsers } from "./http_fixture.ts";

Deno.test("DELETE of tokens revokes those up to the current second and closes connections", async () => {
  const { call, users, clock, log } = createFixture();
  await clock.advance(1234);
  const answer = await call("DELETE", "/users/alice/tokens");
  const issuedBefore = Math.floor(clock.now() / 1000) * 1000 + 1000;
  assert.deepEqual([answer.status, answer.json], [200, {
    disconnected: 2,
    issued_before: issuedBefore,
  }]);
  assert.deepEqual(users.calls, [`revoke alice ${issuedBefore}`]);
  const isRevoked = (user: string, issuedAt: number) =>
    log.revocations.isRevoked({ user, issuedAt });
  assert.deepEqual([isRevoked("alice", issuedBefore - 1), isRevoked("alice", 0)], [true, true]);
  assert.deepEqual([isRevoked("alice", issuedBefore), isRevoked("bob", 0)], [false, false]);
});

Deno.test("a revocation that is not stored closes nothing, and is answered by its code", async () => {
  const { log, users, call } = createFixture();
  await log.close();
  const answer = await call("DELETE", "/users/alice/tokens");
  assert.deepEqual([answer.status, answer.json.code], [503, "log_closed"]);
  assert.deepEqual(users.calls, []);
});

Deno.test("a revocation that other nodes are not told is answered by its code", async () => {
  const users = new FakeUsers();
  users.execute = () => Promise.reject(new OperationalError("log_unavailable", "it is away"));
  const { call } = createFixture({ users });
  const answer = await call("DELETE", "/users/alice/tokens");
  assert.deepEqual([answer.status, answer.json.code], [503, "log_unavailable"]);
});
