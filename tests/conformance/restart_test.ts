/**
 * State that survives the process: messages, positions and idempotency keys, after SIGKILL and after an orderly
 * end. And the history over HTTP. `tests/crash/` does this at random moments.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Answer, Backend } from "./support/backend.ts";
import { GatewayProcess } from "./support/process.ts";
import { processTest, suite } from "./support/suite.ts";
import { someone } from "./support/target.ts";
import { within } from "./support/wait.ts";

for (const signal of ["SIGKILL", "SIGTERM"] as const) {
  processTest(`after ${signal} and a restart on the same directory a client resumes`, async () => {
    const dataDir = await Deno.makeTempDir();
    const [user, key] = [someone(), someone("key")];
    const body = { user, author: "1", content: "missed" };
    try {
      let lastId = "";
      let first: Answer;
      {
        await using gateway = await GatewayProcess.start({ dataDir });
        await using member = await gateway.member(user);
        lastId = member.ready.lastId;
        first = await publishOnce(gateway.backend, key, body);
        assert.deepEqual(await member.nextContents(1), ["missed"]);
        await gateway.end(signal);
        assert.equal(await member.closeCode(), signal === "SIGTERM" ? 1012 : 1006);
      }
      await using gateway = await GatewayProcess.start({ dataDir });
      await using member = await gateway.member(user, { lastId });
      assert.equal(member.ready.resumed, true);
      const message = await member.nextMessage();
      assert.equal(message.content, "missed");
      assert.equal(message.id, (first.body as { id: string }).id);
      const retried = await publishOnce(gateway.backend, key, body);
      assert.equal(retried.status, 201);
      assert.deepEqual(retried.body, first.body, "the same key has the same answer");
      await gateway.backend.publish({ user, author: "1", content: "live" });
      assert.deepEqual(await member.nextContents(1), ["live"], "and published nothing again");
    } finally {
      await Deno.remove(dataDir, { recursive: true });
    }
  });
}

processTest("an id of another log, or of one that was in memory, is resumed:false", async () => {
  const user = someone();
  let lastId = "";
  {
    await using gateway = await GatewayProcess.start({ settings: { GATEWAY_LOG: "memory" } });
    lastId = (await gateway.backend.publish({ user, author: "1", content: "gone" })).id;
  }
  for (const GATEWAY_LOG of ["memory", "sqlite"]) {
    await using gateway = await GatewayProcess.start({ settings: { GATEWAY_LOG } });
    await gateway.backend.publish({ user, author: "1", content: "of the new log" });
    await using member = await gateway.member(user, { lastId });
    assert.equal(member.ready.resumed, false, GATEWAY_LOG);
    await gateway.backend.publish({ user, author: "1", content: "live" });
    assert.deepEqual(await member.nextContents(1), ["live"]);
  }
});

suite("idempotency", {
  checks: {
    "the same key and body give the same answer and publish once": async (gateway) => {
      const [user, key] = [someone(), someone("key")];
      await using member = await gateway.member(user);
      for (const body of [single(user), [single(user), single(user)]]) {
        const each = key + String(Array.isArray(body));
        const first = await publishOnce(gateway.backend, each, body);
        const second = await publishOnce(gateway.backend, each, body);
        assert.equal(first.status, 201);
        assert.equal(second.status, 201);
        assert.deepEqual(second.body, first.body);
      }
      await gateway.backend.publish({ user, author: "1", content: "after" });
      assert.deepEqual(await member.nextContents(4), ["x", "x", "x", "after"]);
    },

    "the same key with another body is 422 and publishes nothing": async (gateway) => {
      const [user, key] = [someone(), someone("key")];
      await using member = await gateway.member(user);
      await publishOnce(gateway.backend, key, single(user));
      const other = await publishOnce(gateway.backend, key, { ...single(user), content: "y" });
      assert.equal(other.status, 422);
      assert.equal((other.body as { code: string }).code, "idempotency_key_reused");
      await gateway.backend.publish({ user, author: "1", content: "after" });
      assert.deepEqual(await member.nextContents(2), ["x", "after"]);
    },

    "retries at the same time publish once": async (gateway) => {
      const [user, key] = [someone(), someone("key")];
      await using member = await gateway.member(user);
      const asked = Array.from(
        { length: 20 },
        () => publishOnce(gateway.backend, key, single(user)),
      );
      const answers = await within("20 retries", Promise.all(asked));
      for (const { status, body } of answers) {
        assert.equal(status, 201);
        assert.deepEqual(body, answers[0]?.body);
      }
      await gateway.backend.publish({ user, author: "1", content: "after" });
      assert.deepEqual(await member.nextContents(2), ["x", "after"]);
    },
  },
});

interface History {
  readonly messages: readonly Readonly<Record<string, unknown>>[];
  readonly more: boolean;
  readonly last_id: string;
}

suite("the history", {
  checks: {
    "of a channel is read in pages, in order, and has nothing else": async ({ backend }) => {
      const channel = someone("channel");
      const sent: unknown[] = [];
      for (let content = 0; content < 25; content++) {
        const { id, time } = await backend.publish({ channel, author: "7", content });
        sent.push({ id, channel, author: "7", content, time });
        await backend.publish({ channel: "elsewhere", author: "1", content });
        await backend.publish({ author: "1", content });
      }
      const seen: unknown[] = [];
      const query = new URLSearchParams({ channel, limit: "10" });
      for (let pages = 1;; pages++) {
        const page = await history(backend, query);
        seen.push(...page.messages);
        query.set("after", page.last_id);
        if (page.more) continue;
        assert.equal(pages, 3);
        break;
      }
      assert.deepEqual(seen, sent);
    },

    "of a user, and of what goes to everyone": async ({ backend }) => {
      const user = someone();
      const { id: after } = await backend.publish({ author: "1", content: "a fence" });
      await backend.publish({ user, author: "1", content: "to the user" });
      await backend.publish({ author: "1", content: "to everyone" });
      const ofUser = await history(backend, new URLSearchParams({ user, after }));
      assert.deepEqual(ofUser.messages.map(({ content }) => content), ["to the user"]);
      const ofAll = await history(backend, new URLSearchParams({ after }));
      assert.deepEqual(ofAll.messages.map(({ content }) => content), ["to everyone"]);
    },

    "after an id that is none of the log's is 410": async ({ backend }) => {
      const { status, body } = await backend.request("GET", "/messages?after=nonsense");
      assert.equal(status, 410);
      assert.equal((body as { code: string }).code, "expired");
    },
  },
});

function single(user: string): { user: string; author: string; content: string } {
  return { user, author: "1", content: "x" };
}

async function publishOnce(backend: Backend, key: string, body: unknown): Promise<Answer> {
  return await backend.request("POST", "/messages", { body, headers: { "Idempotency-Key": key } });
}

async function history(backend: Backend, query: URLSearchParams): Promise<History> {
  const { status, body } = await backend.request("GET", `/messages?${query}`);
  assert.equal(status, 200, JSON.stringify(body));
  return body as History;
}
