/**
 * Rotation of the publish key and of the JWT secret: the previous one is accepted beside its successor, and the
 * metrics tell when nobody uses it any more.
 *
 * @module
 */

import assert from "node:assert/strict";
import { CloseCode } from "../../gateway/protocol/mod.ts";
import { claims, SECRET, shared, sign } from "./support/issuer.ts";
import { Peer } from "./support/peer.ts";
import { GatewayProcess, runToEnd } from "./support/process.ts";
import { processTest } from "./support/suite.ts";

const KEY = "the-key-of-today";
const OLD_KEY = "the-key-of-yesterday";
const OLD_SECRET = "a secret that is shared since yesterday";

const BEFORE = { GATEWAY_JWT_SECRET: OLD_SECRET, GATEWAY_PUBLISH_KEY: OLD_KEY };
const AFTER = { GATEWAY_JWT_SECRET: SECRET, GATEWAY_PUBLISH_KEY: KEY };
const BETWEEN = {
  ...AFTER,
  GATEWAY_JWT_SECRET_PREVIOUS: OLD_SECRET,
  GATEWAY_PUBLISH_KEY_PREVIOUS: OLD_KEY,
};

const OLD_TOKEN = await sign(claims(), shared(OLD_SECRET));
const TOKEN = await sign(claims(), shared(SECRET));

async function statusWith(gateway: GatewayProcess, key: string): Promise<number> {
  const headers = { Authorization: `Bearer ${key}` };
  const body = { user: "nobody", author: "1", content: "hello" };
  return (await gateway.backend.request("POST", "/messages", { headers, body })).status;
}

/** Uses of the previous keys so far: requests, and tokens. */
async function uses(gateway: GatewayProcess): Promise<[number, number]> {
  const { body } = await gateway.backend.request("GET", "/metrics");
  const count = (key: string) => {
    const line = new RegExp(`^gateway_previous_key_uses_total\\{key="${key}"\\} (\\d+)$`, "m");
    return Number(line.exec(String(body))?.[1]);
  };
  return [count("publish_key"), count("jwt_secret")];
}

processTest("keys are replaced in two restarts, between which both are accepted", async () => {
  const dataDir = await Deno.makeTempDir();
  const start = (settings: Record<string, string>) => GatewayProcess.start({ settings, dataDir });
  try {
    {
      await using gateway = await start(BEFORE);
      (await Peer.ready(gateway.wsUrl, { token: OLD_TOKEN })).peer[Symbol.dispose]();
      assert.equal(await closeCodeOf(gateway, TOKEN), CloseCode.IdentifyFailed.code);
      assert.deepEqual([await statusWith(gateway, OLD_KEY), await statusWith(gateway, KEY)], [
        201,
        401,
      ]);
      assert.deepEqual(await uses(gateway), [0, 0]);
    }
    {
      await using gateway = await start(BETWEEN);
      (await Peer.ready(gateway.wsUrl, { token: TOKEN })).peer[Symbol.dispose]();
      assert.equal(await statusWith(gateway, KEY), 201);
      assert.deepEqual(await uses(gateway), [0, 0]);
      const { peer } = await Peer.ready(gateway.wsUrl, { token: OLD_TOKEN });
      using old = peer;
      assert.equal(await statusWith(gateway, OLD_KEY), 201);
      assert.deepEqual(await uses(gateway), [1, 1]);
      // A connection moves to the new secret by a renewal.
      await old.identify(TOKEN);
      await old.nextReady();
      assert.equal(await statusWith(gateway, `${OLD_KEY}!`), 401);
      assert.deepEqual(await uses(gateway), [1, 1]);
      for (const secret of [OLD_KEY, OLD_SECRET, KEY, SECRET]) {
        assert.ok(!gateway.log.some((line) => line.includes(secret)), "a key is in the log");
      }
    }
    {
      await using gateway = await start(AFTER);
      (await Peer.ready(gateway.wsUrl, { token: TOKEN })).peer[Symbol.dispose]();
      assert.equal(await closeCodeOf(gateway, OLD_TOKEN), CloseCode.IdentifyFailed.code);
      assert.deepEqual([await statusWith(gateway, OLD_KEY), await statusWith(gateway, KEY)], [
        401,
        201,
      ]);
    }
  } finally {
    await Deno.remove(dataDir, { recursive: true });
  }
});

processTest("token check accepts a token of the previous secret, and says so", async () => {
  const { code, stdout } = await runToEnd(BETWEEN, ["token", "check", OLD_TOKEN]);
  assert.equal(code, 0);
  assert.match(stdout, /^accepted: .*\nnote: it is signed with GATEWAY_JWT_SECRET_PREVIOUS\./);
  assert.equal((await runToEnd(AFTER, ["token", "check", OLD_TOKEN])).code, 1);
});

async function closeCodeOf(gateway: GatewayProcess, token: string): Promise<number | undefined> {
  using peer = await Peer.connect(gateway.wsUrl);
  await peer.next("Hello");
  await peer.identify(token);
  return await peer.closeCode();
}
