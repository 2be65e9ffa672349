/**
 * Identify: good and bad tokens, in time and late, again while ready, and expired.
 *
 * @module
 */

import assert from "node:assert/strict";
import {
  AUDIENCE,
  type Claims,
  claims,
  inSeconds,
  ISSUER,
  Issuer,
  SECRET,
  shared,
  sign,
  tampered,
  unsigned,
} from "./support/issuer.ts";
import { Peer } from "./support/peer.ts";
import { GatewayProcess } from "./support/process.ts";
import { processTest, suite } from "./support/suite.ts";
import { someone, type Target } from "./support/target.ts";

suite("tokens of the mock issuer", {
  checks: {
    "a wrong password gets no token": async ({ backend }) => {
      const body = { user: "alice", password: "wrong" };
      const answer = await backend.request("POST", "/login", { body });
      assert.equal(answer.status, 401);
      assert.equal((answer.body as { code: string }).code, "wrong_password");
    },

    "its keys are public": async ({ backend }) => {
      const { status, body } = await backend.request("GET", "/.well-known/jwks.json");
      assert.equal(status, 200);
      const { keys } = body as { keys: Record<string, unknown>[] };
      assert.ok(keys.length > 0);
      for (const key of keys) assert.ok(!("d" in key), "a private key is not among them");
    },

    "text that is no token is 4003": async (gateway) => {
      for (const token of ["x", "a.b.c", "..", "null", "👋", " "]) await refuses(gateway, token);
    },

    "a token with its claims changed is 4003": async (gateway) => {
      const token = await gateway.backend.login("alice");
      await refuses(gateway, tampered(token, claims({ sub: "bob" })));
    },

    "a token is renewed while ready: same user, new channels, a new Ready": async (gateway) => {
      const user = someone();
      using peer = await gateway.peer(user, { channels: ["old", "both"] });
      await peer.identify(await gateway.backend.login(user, { channels: ["new", "both"] }));
      const ready = await peer.nextReady();
      assert.equal(ready["user"], user);
      assert.ok(!("resumed" in ready));
      assert.deepEqual(await gateway.backend.presence(user), {
        user,
        connections: 1,
        channels: ["both", "new"],
      });
      await gateway.backend.publish({ channel: "old", author: "1", content: "old" });
      await gateway.backend.publish({ channel: "new", author: "1", content: "new" });
      assert.deepEqual(await peer.nextContents(1), ["new"]);
    },

    "another user's token while ready is 4003": async (gateway) => {
      const user = someone();
      using peer = await gateway.peer(user);
      await peer.identify(await gateway.backend.login(someone()));
      assert.equal(await peer.closeCode(), 4003);
      await gateway.presence(user, 0);
    },

    "a bad token while ready is 4003": async (gateway) => {
      using peer = await gateway.peer(someone());
      await peer.identify("nonsense");
      assert.equal(await peer.closeCode(), 4003);
    },

    "a ready session is closed with 4003 when its token expires, unless it was renewed": async (
      gateway,
    ) => {
      const [user, other] = [someone(), someone()];
      // Both tokens expire together; by then, only one of the sessions has another one.
      using renewed = await gateway.peer(user, { expiresInS: 3 });
      using expiring = await gateway.peer(other, { expiresInS: 3 });
      await renewed.identify(await gateway.backend.login(user));
      await renewed.nextReady();
      assert.equal(await expiring.closeCode(), 4003);
      assert.equal((await gateway.backend.presence(other)).connections, 0);
      await renewed.raw.json({ op: 10, time: 1 });
      assert.deepEqual(await renewed.next("the ACK"), { op: 11, time: 1 });
    },

    "Identify sent before Hello is read counts": async (gateway) => {
      const user = someone();
      const token = await gateway.backend.login(user);
      using peer = await Peer.connect(gateway.wsUrl);
      await peer.identify(token);
      assert.equal((await peer.next("Hello"))["op"], 0);
      assert.equal((await peer.nextReady())["user"], user);
    },
  },
});

suite("identifying in time", {
  settings: { GATEWAY_IDENTIFY_TIMEOUT_MS: "1000" },
  checks: {
    "a client that does not identify is closed with 4004, heartbeats or not": async (gateway) => {
      using silent = await Peer.connect(gateway.wsUrl);
      using beating = await Peer.connect(gateway.wsUrl);
      await beating.raw.json({ op: 10, time: 1 });
      assert.equal(await silent.closeCode(), 4004);
      assert.equal(await beating.closeCode(), 4004);
    },

    "a client that has identified stays": async (gateway) => {
      using peer = await gateway.peer(someone());
      using other = await Peer.connect(gateway.wsUrl);
      assert.equal(await other.closeCode(), 4004);
      await peer.raw.json({ op: 10, time: 1 });
      assert.deepEqual(await peer.next("the ACK"), { op: 11, time: 1 });
    },
  },
});

/** Claims that make a token invalid, however it is signed; the others are in `tests/auth`. */
const BAD_CLAIMS: Readonly<Record<string, () => Claims>> = {
  "it has expired": () => ({ exp: inSeconds(-60) }),
  "it is for another audience": () => ({ aud: "another service" }),
  "it is of another issuer": () => ({ iss: "https://evil.example" }),
};

processTest("tokens of an issuer with a key set", async () => {
  for (const alg of ["RS256", "ES256", "EdDSA"] as const) {
    await using issuer = await Issuer.start(alg);
    await using gateway = await GatewayProcess.start({
      settings: {
        GATEWAY_JWKS_URL: issuer.jwksUrl,
        GATEWAY_JWT_ISSUER: ISSUER,
        GATEWAY_JWT_AUDIENCE: AUDIENCE,
        GATEWAY_PUBLISH_KEY: "0123456789abcdef",
      },
    });
    await accepts(gateway, await sign(claims(), issuer.good));
    await accepts(gateway, await sign(claims({ aud: ["x", AUDIENCE] }), issuer.good));
    await accepts(gateway, await sign(claims({ channels: undefined }), issuer.good));
    for (const [fault, changes] of Object.entries(BAD_CLAIMS)) {
      await refuses(gateway, await sign(claims(changes()), issuer.good), `${alg}: ${fault}`);
    }
    const good = await sign(claims(), issuer.good);
    const forgeries = {
      "signed with another key": await sign(claims(), issuer.forged),
      "of an unknown key": await sign(claims(), { ...issuer.good, kid: "key-2" }),
      "changed after signing": tampered(good, claims({ sub: "root" })),
      "without a signature": good.slice(0, good.lastIndexOf(".") + 1),
      "alg none": unsigned(claims()),
      "alg None": unsigned(claims(), "None"),
      "HS256 by the public key": await sign(claims(), shared(issuer.publicPem)),
      "HS256 by nothing much": await sign(claims(), shared("key-1")),
    };
    for (const [name, token] of Object.entries(forgeries)) {
      await refuses(gateway, token, `${alg}: ${name}`);
    }
    const login = await gateway.backend.request("POST", "/login", { body: {} });
    assert.equal(login.status, 404, "the mock issuer is off");
    // The keys were fetched, so their absent issuer does not matter.
    await issuer[Symbol.asyncDispose]();
    await accepts(gateway, await sign(claims(), issuer.good));
  }
});

processTest("tokens of a backend with a shared secret", async () => {
  await using gateway = await GatewayProcess.start({
    settings: { GATEWAY_JWT_SECRET: SECRET, GATEWAY_PUBLISH_KEY: "0123456789abcdef" },
  });
  await accepts(gateway, await sign(claims(), shared(SECRET)));
  await accepts(gateway, await sign(claims({ aud: "any", iss: "any" }), shared(SECRET)));
  await using issuer = await Issuer.start("ES256");
  const bad = {
    "another secret": await sign(claims(), shared(`${SECRET}!`)),
    "the secret cut short": await sign(claims(), shared(SECRET.slice(0, 32))),
    "expired": await sign(claims({ exp: inSeconds(-1) }), shared(SECRET)),
    "alg none": unsigned(claims()),
    "a public key's algorithm": await sign(claims(), issuer.good),
  };
  for (const [name, token] of Object.entries(bad)) await refuses(gateway, token, name);
});

async function accepts(gateway: Target, token: string): Promise<void> {
  const { peer, ready } = await Peer.ready(gateway.wsUrl, { token });
  using _ = peer;
  assert.equal(ready["user"], "alice");
}

/** Asserts 4003 for the token, with a reason that contains nothing of it. */
async function refuses(gateway: Target, token: string, what = token): Promise<void> {
  using peer = await Peer.connect(gateway.wsUrl);
  await peer.next("Hello");
  await peer.identify(token);
  assert.equal(await peer.closeCode(), 4003, what);
  const reason = (await peer.closed)?.reason ?? "";
  assert.notEqual(reason, "", `${what}: a close says why`);
  if (token.length > 20) {
    assert.ok(!reason.includes(token.slice(-20)), `${what}: shown in a reason`);
  }
}
