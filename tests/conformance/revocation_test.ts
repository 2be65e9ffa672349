/**
 * Revocation of tokens: on every node, and after a crash.
 *
 * @module
 */

import assert from "node:assert/strict";
import { SignJWT } from "jose";
import { Peer } from "./support/peer.ts";
import { GatewayProcess } from "./support/process.ts";
import { processTest, suite } from "./support/suite.ts";
import { someone, type Target } from "./support/target.ts";
import { eventually } from "./support/wait.ts";

/** The close code and reason for `token`; with three nodes, of each. */
async function refusals(gateway: Target, token: string): Promise<ReadonlySet<string>> {
  const answers = new Set<string>();
  for (let turn = 0; turn < 3; turn++) {
    using client = await gateway.connect();
    await client.nextJson("Hello");
    await client.json({ op: 1, token });
    const { code, reason } = await client.closeFrame();
    answers.add(`${code} ${reason}`);
  }
  return answers;
}

/** A token that was issued after `issuedBefore`. */
async function loginAfter(gateway: Target, user: string, issuedBefore: number): Promise<string> {
  return await eventually("the next second", async () => {
    const token = await gateway.backend.login(user);
    const { iat } = JSON.parse(atob(token.split(".")[1] ?? ""));
    return iat * 1000 >= issuedBefore ? token : undefined;
  });
}

suite("revocation of tokens", {
  checks: {
    "ends every connection of the user with 4003, refuses the token, and takes a later one": async (
      gateway,
    ) => {
      const user = someone();
      const token = await gateway.backend.login(user);
      const { peer: first } = await Peer.ready(gateway.wsUrl, { token });
      const { peer: second } = await Peer.ready(gateway.wsUrl, { token });
      const { peer: third } = await Peer.ready(gateway.wsUrl, { token });
      await using other = await gateway.member(someone());
      const before = Date.now();
      const { disconnected, issuedBefore } = await gateway.backend.revoke(user);
      assert.equal(disconnected, 3);
      assert.equal(issuedBefore % 1000, 0);
      assert.ok(issuedBefore > before && issuedBefore <= Date.now() + 1000);
      const { id } = await gateway.backend.publish({ author: "1", content: "not for them" });
      for (const peer of [first, second, third]) {
        assert.equal(await peer.closeCode(), 4003);
        peer[Symbol.dispose]();
      }
      assert.equal((await other.nextMessage()).id, id);
      assert.deepEqual([...await refusals(gateway, token)], ["4003 the token was revoked"]);
      const later = await loginAfter(gateway, user, issuedBefore);
      for (let turn = 0; turn < 3; turn++) {
        const { peer } = await Peer.ready(gateway.wsUrl, { token: later });
        peer[Symbol.dispose]();
      }
    },

    "a client of the library gets a new token and comes back without a gap": async (gateway) => {
      const user = someone();
      await using member = await gateway.member(user, { reconnects: true });
      await gateway.backend.revoke(user);
      await gateway.backend.publish({ user, author: "1", content: "meanwhile" });
      assert.deepEqual(await member.nextContents(1), ["meanwhile"]);
      assert.deepEqual(member.gaps, []);
    },

    "of a user who is not there closes nothing, and names are taken as they are": async (
      gateway,
    ) => {
      const user = someone("ä/b c?");
      assert.equal((await gateway.backend.revoke(user)).disconnected, 0);
      const answer = await gateway.backend.request("DELETE", "/users/a%00b/tokens");
      assert.deepEqual([answer.status, (answer.body as { code: string }).code], [
        400,
        "invalid_path",
      ]);
    },
  },
});

processTest("a revoked token is refused after SIGKILL and a restart", async () => {
  const dataDir = await Deno.makeTempDir();
  const secret = "a-secret-of-at-least-thirty-two-bytes";
  const settings = { GATEWAY_JWT_SECRET: secret, GATEWAY_PUBLISH_KEY: "a-publish-key-of-the-app" };
  try {
    const user = someone();
    const token = await sign({ sub: user, exp: Date.now() / 1000 + 3600 }, secret);
    {
      await using gateway = await GatewayProcess.start({ dataDir, settings });
      const { peer } = await Peer.ready(gateway.wsUrl, { token });
      assert.equal((await gateway.backend.revoke(user)).disconnected, 1);
      assert.equal(await peer.closeCode(), 4003);
      peer[Symbol.dispose]();
      await gateway.end("SIGKILL");
    }
    await using gateway = await GatewayProcess.start({ dataDir, settings });
    assert.deepEqual([...await refusals(gateway, token)], ["4003 the token was revoked"]);
    const other = await sign({ sub: someone(), exp: Date.now() / 1000 + 3600 }, secret);
    const { peer } = await Peer.ready(gateway.wsUrl, { token: other });
    peer[Symbol.dispose]();
  } finally {
    await Deno.remove(dataDir, { recursive: true });
  }
});

async function sign(claims: Record<string, unknown>, secret: string): Promise<string> {
  return await new SignJWT(claims).setProtectedHeader({ alg: "HS256" })
    .sign(new TextEncoder().encode(secret));
}
