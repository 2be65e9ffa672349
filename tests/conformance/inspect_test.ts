/**
 * `GET /users/{user}` for operators: what it says about each of a user's connections.
 *
 * @module
 */

import assert from "node:assert/strict";
import { TRANSPORT } from "./support/process.ts";
import { suite } from "./support/suite.ts";
import { someone } from "./support/target.ts";
import { eventually } from "./support/wait.ts";

suite("the connections of a user", {
  settings: { GATEWAY_HEARTBEAT_INTERVAL_MS: "1000" },
  checks: {
    "each connection is described, newest first, until it is gone": async (gateway) => {
      const { backend } = gateway;
      const [user, channel] = [someone(), someone("channel")];
      assert.deepEqual(await backend.inspect(user), {
        ...{ user, connections: 0, channels: [], sessions: [] },
      });
      const before = Date.now();
      await using _first = await gateway.member(user, { channels: [channel] });
      const between = (await backend.inspect(user)).sessions[0]?.since ?? 0;
      const second = await gateway.member(user, { channels: [channel] });
      const { sessions, ...presence } = await backend.inspect(user);
      assert.deepEqual(presence, { user, connections: 2, channels: [channel] });
      assert.equal(new Set(sessions.map(({ id }) => id)).size, 2);
      const [newest, oldest] = sessions;
      assert.ok(newest !== undefined && oldest !== undefined);
      assert.ok(newest.since >= between && oldest.since === between, "newest first");
      // Clocks may differ a little.
      assert.ok(between >= before - 1000 && newest.since <= Date.now() + 1000, `${between}`);
      for (const { node, transport, unsent_bytes, replaying_after } of sessions) {
        assert.match(node, /^.+:\d+$/);
        assert.deepEqual([transport, unsent_bytes, replaying_after], [TRANSPORT, 0, null]);
      }
      await second[Symbol.asyncDispose]();
      await gateway.presence(user, 1);
      assert.deepEqual((await backend.inspect(user)).sessions.map(({ id }) => id), [oldest.id]);
    },

    "a message that arrived was sent, in every connection": async (gateway) => {
      const user = someone();
      await using first = await gateway.member(user, { channels: [] });
      await using second = await gateway.member(user, { channels: [] });
      const { id } = await gateway.backend.publish({ user, author: "1", content: "x" });
      for (const member of [first, second]) assert.equal((await member.nextMessage()).id, id);
      const { sessions } = await gateway.backend.inspect(user);
      for (const { sent_up_to } of sessions) assert.ok(sequence(sent_up_to) >= sequence(id));
      assert.equal(sessions.length, 2);
    },

    "the round trip is there once a heartbeat was answered": async (gateway) => {
      const user = someone();
      await using _member = await gateway.member(user);
      const ms = await eventually("a round trip", async () => {
        const [session] = (await gateway.backend.inspect(user)).sessions;
        return session?.round_trip_ms ?? undefined;
      });
      assert.ok(ms >= 0 && ms < 1000, `${ms}`);
    },
  },
});

/** The sequence in a message's id. Opaque to clients, but not to this test of what it says. */
function sequence(id: string): number {
  return Number(id.slice(id.lastIndexOf("-") + 1));
}
