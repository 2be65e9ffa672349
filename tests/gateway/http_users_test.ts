/**
 * The routes that change users' connections, and names in paths.
 *
 * @module
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import { OperationalError } from "../../gateway/errors.ts";
import { createFixture, FakeUsers } from "./http_fixture.ts";

Deno.test("PUT and DELETE of a channel join and leave with 204", async () => {
  const { call, users } = createFixture();
  const join = await call("PUT", "/users/alice/channels/general");
  const leave = await call("DELETE", "/users/alice/channels/general");
  assert.deepEqual([join.status, join.text, leave.status, leave.text], [204, "", 204, ""]);
  assert.deepEqual(users.calls, ["join alice general", "leave alice general"]);
});

Deno.test("DELETE of connections disconnects and says how many there were", async () => {
  const { call, users } = createFixture();
  const answer = await call("DELETE", "/users/alice/connections");
  assert.deepEqual([answer.status, answer.json], [200, { disconnected: 2 }]);
  assert.deepEqual(users.calls, ["disconnect alice"]);
});

Deno.test("a name in a path arrives as it was, whatever characters it has", async () => {
  const { call, users } = createFixture();
  const names = fc.string({ unit: "binary", minLength: 1, maxLength: 255 })
    .filter((name) => !/[\p{Cc}\p{Cs}]/u.test(name) && name !== "." && name !== "..");
  await fc.assert(
    fc.asyncProperty(names, names, async (user, channel) => {
      users.calls.length = 0;
      const path = `/users/${encodeURIComponent(user)}/channels/${encodeURIComponent(channel)}`;
      assert.equal((await call("PUT", path)).status, 204);
      assert.deepEqual(users.calls, [`join ${user} ${channel}`]);
    }),
    {
      numRuns: 100,
      examples: [["a/b", "%2F"], ["100%", "%25"], ["é 😀", "a+b"], ["a?b#c", ";=&"], ["%zz", "x"]],
    },
  );
});

Deno.test("a path or a query that is no percent-encoded UTF-8 is 400, wherever it leads", async () => {
  const { call, users } = createFixture();
  for (const path of ["/users/%zz", "/users/%", "/users/%ff", "/users/%ed%a0%80", "/nowhere/%c3"]) {
    const answer = await call("GET", path);
    assert.deepEqual([answer.status, answer.json.code], [400, "invalid_path"], path);
  }
  for (const path of ["/users?user=%ff", "/messages?channel=%E4", "/health?%", "/nowhere?a=%zz"]) {
    const answer = await call("GET", path);
    assert.deepEqual([answer.status, answer.json.code], [400, "invalid_query"], path);
  }
  assert.deepEqual(users.calls, []);
});

Deno.test("a name in a path that is no name is 400 and says which", async () => {
  const { call, users } = createFixture();
  for (
    const [path, parameter] of [
      ["/users/a%00b/channels/x", "user"],
      [`/users/a/channels/${"x".repeat(256)}`, "channel"],
    ] as const
  ) {
    const answer = await call("PUT", path);
    assert.deepEqual([answer.status, answer.json.code], [400, "invalid_path"]);
    assert.equal(answer.json.errors[0].parameter, parameter);
    assert.match(answer.json.errors[0].detail, /expected 1 to 255 characters/);
  }
  assert.deepEqual(users.calls, []);
});

Deno.test("a failure on the way to other machines is answered by its code", async () => {
  const users = new FakeUsers();
  users.execute = () =>
    Promise.reject(new OperationalError("log_unavailable", "the broker is away"));
  const { call } = createFixture({ users });
  const answer = await call("PUT", "/users/alice/channels/general");
  assert.deepEqual([answer.status, answer.json.code], [503, "log_unavailable"]);
});
