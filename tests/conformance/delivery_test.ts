/**
 * Ready and Message: recipients, order, and presence.
 *
 * A later message that does arrive shows that an earlier one was not sent. Nothing waits for silence.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Peer } from "./support/peer.ts";
import { suite } from "./support/suite.ts";
import { someone, type Target } from "./support/target.ts";
import { within } from "./support/wait.ts";

/** JSON that must arrive unchanged. */
const CONTENTS: readonly unknown[] = [
  null,
  true,
  0,
  -1.5e-7,
  "",
  "höre, 世界 👋 \u0000 \u2028 </script>",
  [],
  {},
  [1, [2, [3, { four: null }]]],
  { text: "hello", "": { a: [1, "2"] }, op: 1, id: "not this one" },
];

suite("delivery", {
  checks: {
    "Ready names the user and the place where the session begins": async (gateway) => {
      const user = someone("Jörg / 世界");
      const token = await gateway.backend.login(user);
      const { peer, ready } = await Peer.ready(gateway.wsUrl, { token });
      using _ = peer;
      assert.deepEqual(Object.keys(ready), ["op", "user", "last_id"]);
      assert.equal(ready["op"], 2);
      assert.equal(ready["user"], user);
      assert.match(String(ready["last_id"]), /^[^-]+-\d+$/);
      await using member = await gateway.member(user);
      assert.deepEqual(Object.keys(member.ready), ["user", "lastId"]);
      assert.equal(member.ready.user, user);
      assert.match(member.ready.lastId, /^[^-]+-\d+$/);
    },

    "a message to a channel has every field, and reaches its members only": async (gateway) => {
      const channel = someone("channel");
      using inside = await gateway.peer(someone(), { channels: ["other", channel] });
      await using member = await gateway.member(someone(), { channels: ["other", channel] });
      await using outside = await gateway.member(someone(), { channels: ["other"] });
      const sent = await gateway.backend.publish({ channel, author: "7", content: "hi" });
      const message = { id: sent.id, channel, author: "7", content: "hi", time: sent.time };
      assert.deepEqual(await inside.nextMessage(), { op: 3, ...message });
      assert.deepEqual(await member.nextMessage(), message);
      await onlyNext(gateway, [inside, member, outside]);
    },

    "a message to a user reaches all connections of that user only": async (gateway) => {
      const user = someone();
      using first = await gateway.peer(user);
      await using second = await gateway.member(user);
      await using other = await gateway.member(someone(), { channels: [user] });
      const sent = await gateway.backend.publish({ user, author: "1", content: { a: 1 } });
      for (const each of [first, second]) {
        const message = await each.nextMessage();
        assert.equal(message["id"], sent.id);
        assert.ok(!("channel" in message), "a message to a user has no channel");
        assert.ok(!("user" in message), "nor a user");
      }
      await onlyNext(gateway, [first, second, other]);
    },

    "a message to everyone reaches everyone, without a channel": async (gateway) => {
      using a = await gateway.peer(someone(), { channels: [] });
      await using b = await gateway.member(someone(), { channels: ["general"] });
      const sent = await gateway.backend.publish({ author: "1", content: "all" });
      const message = { id: sent.id, author: "1", content: "all", time: sent.time };
      assert.deepEqual(await a.nextMessage(), { op: 3, ...message });
      assert.deepEqual(await b.nextMessage(), message);
    },

    "a client that has not identified receives nothing": async (gateway) => {
      using client = await gateway.connect();
      await client.nextJson("Hello");
      await gateway.backend.publish({ author: "1", content: "not for you" });
      await client.json({ op: 10, time: 1 });
      assert.deepEqual(await client.nextJson("the ACK"), { op: 11, time: 1 });
    },

    "a channel is a name like any other": async (gateway) => {
      for (const channel of ["a/b?c=d&e#f", "__proto__", "constructor", "日本", "x".repeat(255)]) {
        await using member = await gateway.member(someone(), { channels: [channel] });
        await gateway.backend.publish({ channel, author: "1", content: channel });
        const message = await member.nextMessage();
        assert.equal(message.channel, channel);
        assert.equal(message.content, channel);
      }
    },

    "content is any JSON, and arrives as it was sent": async (gateway) => {
      const user = someone();
      await using member = await gateway.member(user);
      await gateway.backend.publishAll(
        CONTENTS.map((content) => ({ user, author: "1", content })),
      );
      assert.deepEqual(await member.nextContents(CONTENTS.length), CONTENTS);
    },

    "a message of 60 KB arrives whole": async (gateway) => {
      const user = someone();
      await using member = await gateway.member(user);
      const content = "é".repeat(30_000);
      await gateway.backend.publish({ user, author: "1", content });
      assert.equal((await member.nextMessage()).content, content);
    },

    "a batch is answered, and arrives, in its order": async (gateway) => {
      const channel = someone("channel");
      await using member = await gateway.member(someone(), { channels: [channel] });
      const drafts = Array.from({ length: 1000 }, (_, content) => ({
        channel,
        author: "1",
        content,
      }));
      const receipts = await gateway.backend.publishAll(drafts);
      const ids: unknown[] = [];
      for (const draft of drafts) {
        const message = await member.nextMessage();
        assert.equal(message.content, draft.content);
        ids.push(message.id);
      }
      assert.deepEqual(ids, receipts.map((receipt) => receipt.id));
      assert.equal(new Set(ids).size, drafts.length);
    },

    "all see what is published at the same time in the same order, that of the ids": async (
      gateway,
    ) => {
      const channel = someone("channel");
      const members = await Promise.all(
        Array.from({ length: 5 }, () => gateway.member(someone(), { channels: [channel] })),
      );
      const publishes = Array.from(
        { length: 200 },
        (_, content) => gateway.backend.publish({ channel, author: "1", content }),
      );
      const receipts = await within("200 publishes", Promise.all(publishes));
      const expected = receipts.map(({ id }, content) => ({ id, content }))
        .sort((a, b) => sequence(a.id) - sequence(b.id));
      for (const member of members) {
        const seen: unknown[] = [];
        while (seen.length < expected.length) {
          const { id, content } = await member.nextMessage();
          seen.push({ id, content });
        }
        assert.deepEqual(seen, expected);
        await member[Symbol.asyncDispose]();
      }
    },
  },
});

suite("presence and membership", {
  checks: {
    "presence counts connections and names channels": async (gateway) => {
      const user = someone();
      assert.deepEqual(await gateway.backend.presence(user), {
        user,
        connections: 0,
        channels: [],
      });
      await using _first = await gateway.member(user, { channels: ["b"] });
      const second = await gateway.member(user, { channels: ["b", "a"] });
      assert.deepEqual(await gateway.backend.presence(user), {
        user,
        connections: 2,
        channels: ["a", "b"],
      });
      await second[Symbol.asyncDispose]();
      await gateway.presence(user, 1);
    },

    "presence of many users comes in the order asked": async (gateway) => {
      const [here, away] = [someone("a&b/ü"), someone()];
      await using _first = await gateway.member(here, { channels: ["b"] });
      await using _second = await gateway.member(here, { channels: ["a"] });
      const there = { user: here, connections: 2, channels: ["a", "b"] };
      const nobody = { user: away, connections: 0, channels: [] };
      assert.deepEqual(await gateway.backend.presenceOf([away, here]), [nobody, there]);
      assert.deepEqual(await gateway.backend.presenceOf([here, away, here]), [
        ...[there, nobody, there],
      ]);
      const thousand = Array.from({ length: 1000 }, () => crypto.randomUUID());
      assert.deepEqual(
        (await gateway.backend.presenceOf(thousand)).map(({ user }) => user),
        thousand,
      );
    },

    "a channel counts its users once, and lists them page by page": async (gateway) => {
      const { backend } = gateway;
      const channel = someone("ä#/%");
      const [ann, bob, cat] = [1, 2, 3].map((number) => someone(`user ${number} `));
      assert.ok(ann !== undefined && bob !== undefined && cat !== undefined);
      assert.deepEqual(await backend.channel(channel), { channel, users: 0, connections: 0 });
      assert.deepEqual(await backend.usersOf(channel), { users: [], more: false });
      const members = [];
      for (const user of [cat, bob, bob, ann, bob]) {
        members.push(await gateway.member(user, { channels: user === cat ? [] : [channel] }));
      }
      await backend.join(cat, channel);
      assert.deepEqual(await backend.channel(channel), { channel, users: 3, connections: 5 });
      const entries = [
        { user: ann, connections: 1 },
        { user: bob, connections: 3 },
        { user: cat, connections: 1 },
      ];
      assert.deepEqual(await backend.usersOf(channel), { users: entries, more: false });
      assert.deepEqual(await backend.usersOf(channel, "?limit=2"), {
        users: entries.slice(0, 2),
        more: true,
      });
      const after = `?limit=2&after=${encodeURIComponent(bob)}`;
      assert.deepEqual(await backend.usersOf(channel, after), {
        users: entries.slice(2),
        more: false,
      });
      await backend.leave(cat, channel);
      await backend.disconnect(bob);
      assert.deepEqual(await backend.channel(channel), { channel, users: 1, connections: 1 });
      for (const member of members) await member[Symbol.asyncDispose]();
      await gateway.presence(ann, 0);
      assert.deepEqual(await backend.usersOf(channel), { users: [], more: false });
    },

    "a user who joins receives from then on, on every connection": async (gateway) => {
      const [user, channel] = [someone(), someone("channel")];
      await using first = await gateway.member(user, { channels: [] });
      await using second = await gateway.member(user, { channels: [] });
      await gateway.backend.publish({ channel, author: "1", content: "before" });
      await gateway.backend.join(user, channel);
      assert.deepEqual((await gateway.backend.presence(user)).channels, [channel]);
      await gateway.backend.publish({ channel, author: "1", content: "after" });
      for (const member of [first, second]) {
        assert.deepEqual(await member.nextContents(1), ["after"]);
      }
    },

    "joining twice delivers once": async (gateway) => {
      const [user, channel] = [someone(), someone("channel")];
      await using member = await gateway.member(user, { channels: [channel] });
      await gateway.backend.join(user, channel);
      await gateway.backend.publish({ channel, author: "1", content: "once" });
      assert.deepEqual(await member.nextContents(1), ["once"]);
      await onlyNext(gateway, [member]);
    },

    "a user who leaves receives nothing more from there": async (gateway) => {
      const [user, channel] = [someone(), someone("channel")];
      await using member = await gateway.member(user, { channels: [channel, "stays"] });
      await gateway.backend.leave(user, channel);
      assert.deepEqual((await gateway.backend.presence(user)).channels, ["stays"]);
      await gateway.backend.publish({ channel, author: "1", content: "too late" });
      await onlyNext(gateway, [member]);
    },

    "a channel and a user that need encoding in a path can be joined": async (gateway) => {
      const [user, channel] = [someone("a/b c?"), someone("ä#/%")];
      await using member = await gateway.member(user, { channels: [] });
      await gateway.backend.join(user, channel);
      await gateway.backend.publish({ channel, author: "1", content: "here" });
      assert.deepEqual(await member.nextContents(1), ["here"]);
    },

    "a user who is disconnected is closed with 4010 on every connection": async (gateway) => {
      const user = someone();
      await using first = await gateway.member(user);
      await using second = await gateway.member(user);
      await using other = await gateway.member(someone());
      await gateway.backend.disconnect(user);
      assert.equal(await first.closeCode(), 4010);
      assert.equal(await second.closeCode(), 4010);
      assert.equal((await gateway.backend.presence(user)).connections, 0);
      await onlyNext(gateway, [other]);
    },

    "joining, leaving and disconnecting somebody who is not there is no error": async (gateway) => {
      const user = someone();
      await gateway.backend.join(user, "general");
      await gateway.backend.leave(user, "general");
      await gateway.backend.disconnect(user);
      assert.equal((await gateway.backend.presence(user)).connections, 0);
    },
  },
});

/** Asserts that a message to everyone is the next one of each of `receivers`. */
async function onlyNext(
  gateway: Target,
  receivers: readonly { nextMessage(): Promise<{ readonly id?: unknown }> }[],
): Promise<void> {
  const { id } = await gateway.backend.publish({ author: "fence", content: "fence" });
  for (const each of receivers) assert.equal((await each.nextMessage()).id, id);
}

/** The sequence in a message's id. Ids are opaque to clients, but not to tests of their order. */
function sequence(id: string): number {
  return Number(id.slice(id.lastIndexOf("-") + 1));
}
