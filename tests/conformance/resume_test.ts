/**
 * Resuming: after a lost connection, from valid and invalid ids, and during publishes. `restart_test.ts` resumes
 * after a restart.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Draft } from "./support/backend.ts";
import { suite } from "./support/suite.ts";
import { someone, type Target } from "./support/target.ts";

const DROPPERS = 6;
const PUBLISHERS = 4;
/** The number of requests of each publisher, with one to five messages each. */
const REQUESTS = 50;
const LAST = "the last message";

suite("resuming", {
  checks: {
    "exactly what was missed follows Ready, in order, then what is live": async (gateway) => {
      const [user, channel] = [someone(), someone("channel")];
      const lastId = await receiveAndDrop(gateway, { user, channel });
      await gateway.backend.publishAll([
        { channel, author: "1", content: "missed 1" },
        { channel: "elsewhere", author: "1", content: "not for this user" },
        { user, author: "1", content: "missed 2" },
        { user: someone(), author: "1", content: "not for this user either" },
        { author: "1", content: "missed 3, to everyone" },
      ]);
      await using member = await gateway.member(user, { channels: [channel], lastId });
      assert.equal(member.ready.resumed, true);
      await gateway.backend.publish({ channel, author: "1", content: "live" });
      const expected = ["missed 1", "missed 2", "missed 3, to everyone", "live"];
      assert.deepEqual(await member.nextContents(4), expected);
    },

    "from a position, everything follows that was published after it, once": async (gateway) => {
      const [user, channel] = [someone(), someone("channel")];
      await gateway.backend.publish({ channel, author: "1", content: "in the state" });
      const lastId = await gateway.backend.position();
      await gateway.backend.publish({ channel, author: "1", content: "while it loads" });
      await using member = await gateway.member(user, { channels: [channel], lastId });
      assert.equal(member.ready.resumed, true);
      await gateway.backend.publish({ channel, author: "1", content: "live" });
      assert.deepEqual(await member.nextContents(2), ["while it loads", "live"]);
    },

    "a replayed message is the same as the live one was, and marked": async (gateway) => {
      const [user, channel] = [someone(), someone("channel")];
      const options = { channels: [channel], cuttable: true };
      await using live = await gateway.member(user, options);
      await gateway.backend.publish({ channel, author: "7", content: { a: ["ü", null, 1.5] } });
      await gateway.backend.publish({ user, author: "7", content: "x" });
      const seen = [await live.nextMessage(), await live.nextMessage()];
      live.cut();
      const { lastId } = live.ready;
      await using again = await gateway.member(user, { channels: [channel], lastId });
      const marked = seen.map((message) => ({ ...message, replayed: true }));
      assert.deepEqual([await again.nextMessage(), await again.nextMessage()], marked);
      await gateway.backend.publish({ user, author: "7", content: "live" });
      assert.equal("replayed" in await again.nextMessage(), false);
    },

    "an id that is none of the log's is resumed:false, nothing replayed, then live": async (
      gateway,
    ) => {
      const user = someone();
      const id = await receiveAndDrop(gateway, { user, channel: "general" });
      const epoch = id.slice(0, id.lastIndexOf("-"));
      await gateway.backend.publish({ user, author: "1", content: "missed" });
      const bad = ["", "x", "-", "-1", `${epoch}-`, `${epoch}--1`, `${epoch}-1.5`, `${epoch}-1e3`]
        .concat(`${epoch}-x`, `${epoch}- 1`, `${epoch}-0x1`, `${epoch}-99999999`, `${epoch}x-1`)
        .concat(`${epoch}-${"9".repeat(40)}`, "zzzzzzzz-1", "x".repeat(2000), "👋-1", "null", "0");
      for (const lastId of bad) {
        await using member = await gateway.member(user, { lastId });
        assert.equal(member.ready.resumed, false, lastId);
        assert.deepEqual(member.gaps, [member.ready.lastId], "the app is told");
        await gateway.backend.publish({ user, author: "1", content: lastId });
        assert.deepEqual(await member.nextContents(1), [lastId]);
      }
    },

    "5,000 missed messages all come, before those that are live": async (gateway) => {
      const user = someone();
      const lastId = await joinAndDrop(gateway, user);
      const drafts = (from: number): Draft[] =>
        Array.from({ length: 1000 }, (_, index) => ({
          user,
          author: "1",
          content: { number: from + index, pad: "x".repeat(300) },
        }));
      for (let from = 0; from < 5000; from += 1000) await gateway.backend.publishAll(drafts(from));
      await using again = await gateway.member(user, { lastId });
      await gateway.backend.publishAll(drafts(5000));
      const contents = await again.nextContents(6000) as { number: number }[];
      assert.deepEqual(
        contents.map(({ number }) => number),
        Array.from({ length: 6000 }, (_, index) => index),
      );
    },

    "dropping and resuming while others publish leaves no gap and no duplicate": async (
      gateway,
    ) => {
      const channel = someone("channel");
      const begun = Array.from({ length: DROPPERS }, () => Promise.withResolvers<void>());
      const seen = Promise.all(
        begun.map(({ resolve }) => keepDropping(gateway, { channel, begun: resolve })),
      );
      await Promise.all(begun.map(({ promise }) => promise));
      const published = await Promise.all(
        Array.from({ length: PUBLISHERS }, () => publishInTurn(gateway, channel)),
      );
      const expected = published.flat().sort((a, b) => sequence(a) - sequence(b));
      expected.push((await gateway.backend.publish({ channel, author: "1", content: LAST })).id);
      for (const ids of await seen) assert.deepEqual(ids, expected);
    },
  },
});

/** Lets a user receive one message and disconnect; returns its id. */
async function receiveAndDrop(
  gateway: Target,
  { user, channel }: { readonly user: string; readonly channel: string },
): Promise<string> {
  await using member = await gateway.member(user, { channels: [channel], cuttable: true });
  const { id } = await gateway.backend.publish({ channel, author: "1", content: "seen" });
  assert.equal((await member.nextMessage()).id, id);
  member.cut();
  return id;
}

/** Lets a user connect and disconnect; returns the position of its session. */
async function joinAndDrop(gateway: Target, user: string): Promise<string> {
  await using member = await gateway.member(user, { cuttable: true });
  member.cut();
  return member.ready.lastId;
}

/** Publishes one request after the other, and returns the ids. */
async function publishInTurn(gateway: Target, channel: string): Promise<string[]> {
  const ids: string[] = [];
  for (let count = 0; count < REQUESTS; count++) {
    const drafts = Array.from(
      { length: 1 + count % 5 },
      () => ({ channel, author: "1", content: 1 }),
    );
    ids.push(...(await gateway.backend.publishAll(drafts)).map(({ id }) => id));
  }
  return ids;
}

/** Receives a few messages on each connection of one client, up to the last one, and returns the ids. */
async function keepDropping(
  gateway: Target,
  { channel, begun }: { readonly channel: string; readonly begun: () => void },
): Promise<string[]> {
  const options = { channels: [channel], reconnects: true, cuttable: true };
  await using member = await gateway.member(someone(), options);
  assert.equal(member.ready.resumed, undefined);
  begun();
  const ids: string[] = [];
  for (let drops = 0;; drops++) {
    for (let left = 1 + drops % 13; left > 0; left--) {
      const { id, content } = await member.nextMessage();
      ids.push(id);
      if (content === LAST) return ids;
    }
    const back = member.nextReady();
    member.cut();
    assert.equal((await back).resumed, true);
  }
}

/** The sequence in a message's id. Ids are opaque to clients, but not to tests of their order. */
function sequence(id: string): number {
  return Number(id.slice(id.lastIndexOf("-") + 1));
}
