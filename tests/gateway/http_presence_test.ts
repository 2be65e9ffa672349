/**
 * The routes about who is connected.
 *
 * @module
 */

import assert from "node:assert/strict";
import { createFixture } from "./http_fixture.ts";

Deno.test("GET /users/{user} gives presence and each connection, also of one who is not there", async () => {
  const { call } = createFixture();
  const alice = await call("GET", "/users/alice");
  const place = { node: "a:8000", transport: "node", since: 1_579_276_740_336, sent_up_to: "e-7" };
  assert.deepEqual(alice.json, {
    user: "alice",
    connections: 2,
    channels: ["general"],
    sessions: [
      { ...place, id: "c0", round_trip_ms: 12.5, unsent_bytes: 0, replaying_after: null },
      { ...place, id: "c1", round_trip_ms: null, unsent_bytes: 1, replaying_after: "e-1" },
    ],
  });
  const bob = await call("GET", "/users/bob");
  const nobody = { user: "bob", connections: 0, channels: [], sessions: [] };
  assert.deepEqual([bob.status, bob.json], [200, nobody]);
});

Deno.test("GET /users gives the presence of one to 1,000 users in the order asked", async () => {
  const { call, users } = createFixture();
  const bob = { user: "bob", connections: 0, channels: [] };
  const alice = { user: "alice", connections: 2, channels: ["general"] };
  const two = await call("GET", "/users?user=bob&user=alice");
  assert.deepEqual([two.status, two.json], [200, { users: [bob, alice] }]);
  assert.deepEqual((await call("GET", "/users?user=bob")).json, { users: [bob] });
  assert.deepEqual(
    (await call("GET", "/users?user=a%26b%20%2F+%C3%A9")).json.users[0].user,
    "a&b / é",
  );
  assert.deepEqual(users.calls, ["presence bob,alice", "presence bob", "presence a&b / é"]);
  const names = Array.from({ length: 1000 }, (_, index) => `user${index}`);
  const { status, json } = await call("GET", `/users?user=${names.join("&user=")}`);
  assert.equal(status, 200);
  assert.deepEqual(json.users.map(({ user }: { user: string }) => user), names);
});

Deno.test("GET /channels/{channel} counts its users and connections", async () => {
  const { call, users } = createFixture();
  const { status, json } = await call("GET", "/channels/a%2Fb");
  assert.deepEqual([status, json], [200, { channel: "a/b", users: 2, connections: 3 }]);
  assert.deepEqual(users.calls, ["channel a/b"]);
});

Deno.test("GET /channels/{channel}/users lists 100 unless asked, after a name", async () => {
  const { call, users } = createFixture();
  const page = { users: [{ user: "alice", connections: 2 }], more: true };
  const { status, json } = await call("GET", "/channels/general/users");
  assert.deepEqual([status, json], [200, page]);
  await call("GET", "/channels/general/users?after=a%20b&limit=1000");
  await call("GET", "/channels/general/users?limit=1");
  assert.deepEqual(users.calls, [
    "users of general after undefined, 100",
    "users of general after a b, 1000",
    "users of general after undefined, 1",
  ]);
});

Deno.test("questions about presence that are wrong are 400 and say which parameter", async () => {
  const { call, users } = createFixture();
  const many = `user=${Array(1001).fill("a").join("&user=")}`;
  for (
    const [path, parameter, detail] of [
      ["/users", "user", /^is missing, expected array$/],
      ["/users?user=", "user", /expected 1 to 255 characters/],
      [`/users?user=a&user=${"x".repeat(256)}`, "user", /expected 1 to 255 characters/],
      ["/users?user=a&user=b%0A", "user", /expected 1 to 255 characters/],
      [`/users?${many}`, "user", /expected array to have <=1000 items/],
      ["/users?user=a&users=b", "users", /Unrecognized key/],
      ["/users?user=a&limit=1", "limit", /Unrecognized key/],
      ["/channels/a/users?after=", "after", /expected 1 to 255 characters/],
      ["/channels/a/users?after=a&after=b", "after", /expected string/],
      ["/channels/a/users?limit=0", "limit", /expected number to be >=1/],
      ["/channels/a/users?limit=1001", "limit", /expected number to be <=1000/],
      ["/channels/a/users?limit=", "limit", /expected number/],
      ["/channels/a/users?user=a", "user", /Unrecognized key/],
    ] as const
  ) {
    const { status, json } = await call("GET", path);
    assert.deepEqual([status, json.code], [400, "invalid_query"], path);
    assert.equal(json.errors[0].parameter, parameter, path);
    assert.match(json.errors[0].detail, detail, path);
  }
  for (const path of [`/channels/${"x".repeat(256)}`, "/channels/a%00/users"]) {
    const { status, json } = await call("GET", path);
    assert.deepEqual([status, json.code], [400, "invalid_path"], path);
    assert.equal(json.errors[0].parameter, "channel");
  }
  assert.deepEqual(users.calls, []);
});
