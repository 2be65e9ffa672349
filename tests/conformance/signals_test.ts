/**
 * Signals over a real port: who gets them, and that they are neither stored nor ahead of messages.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Signal } from "../../client/mod.ts";
import type { Frame, Peer } from "./support/peer.ts";
import { suite } from "./support/suite.ts";
import { someone } from "./support/target.ts";
import { eventually } from "./support/wait.ts";

const ROUNDS = 50;

async function frames(peer: Peer, count: number): Promise<Frame[]> {
  const received: Frame[] = [];
  while (received.length < count) received.push(await peer.next(`frame ${received.length + 1}`));
  return received;
}

suite("signals", {
  checks: {
    "a signal reaches those of its channel or its user that asked, as it was sent": async (
      gateway,
    ) => {
      const [user, channel] = [someone(), someone("channel")];
      using peer = await gateway.peer(user, { channels: [channel], signals: true });
      const content = { typing: true, name: "ü" };
      await gateway.backend.signal([
        { channel: "elsewhere", author: "7", content: "not for this user" },
        { channel, author: "7", content },
      ]);
      await gateway.backend.signal({ user, author: "7", content: null });
      await gateway.backend.signal({ author: "7", content: "to everyone" });
      const [first, second, third] = await frames(peer, 3);
      assert.deepEqual(first, { op: 4, channel, author: "7", content, time: first?.["time"] });
      assert.ok(Math.abs(Number(first?.["time"]) - Date.now()) < 60_000);
      assert.deepEqual(second, { op: 4, author: "7", content: null, time: second?.["time"] });
      assert.equal(third?.["content"], "to everyone");
    },

    "a session that did not ask gets none, nor does one whose renewal does not": async (
      gateway,
    ) => {
      const user = someone();
      using silent = await gateway.peer(user);
      using refusing = await gateway.peer(user, { signals: false });
      using renewed = await gateway.peer(user, { signals: true });
      await renewed.identify(await gateway.backend.login(user));
      await renewed.nextReady();
      await gateway.backend.signal({ user, author: "7", content: "unasked" });
      await gateway.backend.publish({ user, author: "7", content: "message" });
      for (const peer of [silent, refusing, renewed]) {
        assert.equal((await peer.nextMessage())["content"], "message");
      }
    },

    "a signal never comes before a message that was published before it": async (gateway) => {
      const [user, channel] = [someone(), someone("channel")];
      const asks = { channels: [channel], signals: true };
      using one = await gateway.peer(user, asks);
      using two = await gateway.peer(user, asks);
      using three = await gateway.peer(user, asks);
      for (let round = 0; round < ROUNDS; round++) {
        // Both by the same gateway: another may not have the message yet.
        const backend = gateway.backendAt(gateway.url);
        await backend.publish({ channel, author: "7", content: round });
        await backend.signal({ channel, author: "7", content: round });
      }
      for (const peer of [one, two, three]) {
        const received = await frames(peer, 2 * ROUNDS);
        let newest = -1;
        for (const { op, content } of received) {
          if (op === 3) newest = Number(content);
          else assert.ok(Number(content) <= newest, `signal ${content} after message ${newest}`);
        }
      }
    },

    "a signal is not stored: neither replayed nor in the history, and no position": async (
      gateway,
    ) => {
      const [user, channel] = [someone(), someone("channel")];
      await gateway.backend.publish({ channel, author: "7", content: "first" });
      const lastId = await gateway.backend.position();
      await gateway.backend.signal({ channel, author: "7", content: "missed" });
      assert.equal(await gateway.backend.position(), lastId);
      const signals: Signal[] = [];
      await using member = await gateway.member(user, {
        channels: [channel],
        lastId,
        onSignal: (signal) => void signals.push(signal),
      });
      assert.equal(member.ready.resumed, true);
      await gateway.backend.publish({ channel, author: "7", content: "live" });
      assert.deepEqual(await member.nextContents(1), ["live"]);
      await gateway.backend.signal({ channel, author: "7", content: "a live signal" });
      await eventually("a signal", () => Promise.resolve(signals.length > 0 || undefined));
      assert.deepEqual(signals.map(({ content }) => content), ["a live signal"]);
    },

    "a user that leaves a channel gets no more signals of it": async (gateway) => {
      const [user, channel] = [someone(), someone("channel")];
      using peer = await gateway.peer(user, { channels: [channel], signals: true });
      await gateway.backend.leave(user, channel);
      await gateway.backend.signal({ channel, author: "7", content: "not for this user" });
      await gateway.backend.signal({ user, author: "7", content: "for this user" });
      assert.equal((await peer.next())["content"], "for this user");
    },

    "an Identify whose signals is no boolean is malformed": async (gateway) => {
      for (const signals of [null, 1, "true", []]) {
        using client = await gateway.connect();
        await client.json({ op: 1, token: "x", signals });
        assert.equal((await client.nextJson())["op"], 0);
        const { code, reason } = await client.closeFrame();
        assert.equal(code, 4001, JSON.stringify(signals));
        assert.match(reason ?? "", /^signals: /);
      }
    },
  },
});
