/**
 * The mock issuer: logins, its key set and documents, and tokens with exactly one fault.
 *
 * @module
 */

import assert from "node:assert/strict";
import { decodeJwt, decodeProtectedHeader } from "jose";
import { FakeClock } from "../../mock/doubles/clock.ts";
import { FakeIds } from "../../mock/doubles/ids.ts";
import { MockIssuer, TOKEN_FAULTS, type TokenFault } from "../../mock/issuer.ts";

const clock = new FakeClock();
const issuer = await MockIssuer.create({ clock, ids: new FakeIds("key") });
const nowS = clock.now() / 1000;

const GOOD = {
  iss: "https://mock.emagine.invalid",
  aud: "emagine-gateway",
  sub: "alice",
  channels: ["general"],
  iat: nowS,
  exp: nowS + 3600,
};

Deno.test("login() gives a token with the defaults of a login", async () => {
  const answer = await issuer.login({ user: "alice", password: "anything" });
  assert.ok(answer !== undefined);
  assert.equal(answer.user, "alice");
  assert.equal(answer.expires_in, 3600);
  assert.deepEqual(decodeProtectedHeader(answer.token), { alg: "EdDSA", typ: "JWT", kid: "key0" });
  assert.deepEqual(decodeJwt(answer.token), GOOD);
});

Deno.test("login() keeps to the channels and the expiry that are asked for", async () => {
  const request = { user: "7", password: "", channels: [], expires_in: 5 };
  const answer = await issuer.login(request);
  assert.ok(answer !== undefined);
  assert.equal(answer.expires_in, 5);
  const claims = decodeJwt(answer.token);
  assert.deepEqual(claims, { ...GOOD, sub: "7", channels: [], exp: nowS + 5 });
});

Deno.test("login() refuses the password `wrong`, and only that", async () => {
  assert.equal(await issuer.login({ user: "alice", password: "wrong" }), undefined);
  assert.notEqual(await issuer.login({ user: "alice", password: "Wrong" }), undefined);
});

Deno.test("fetch() serves the public keys, and nothing else", async () => {
  const response = await issuer.fetch(new Request(issuer.jwksUrl));
  assert.equal(response.status, 200);
  const served = await response.json();
  assert.deepEqual(Object.keys(served.keys[0]).sort(), ["alg", "crv", "kid", "kty", "use", "x"]);
  assert.deepEqual(served, issuer.jwks());
  const other = await issuer.fetch(new Request("https://mock.emagine.invalid/"));
  assert.equal(other.status, 404);
});

Deno.test("rotate() signs with a new key and keeps the old one published unless told", async () => {
  const rotating = await MockIssuer.create({ clock, ids: new FakeIds("key") });
  const kids = () => rotating.jwks().keys.map((key) => key["kid"]);
  await rotating.rotate();
  assert.deepEqual(kids(), ["key1", "key0"]);
  assert.equal(decodeProtectedHeader(await rotating.token())["kid"], "key1");
  await rotating.rotate({ retire: true });
  assert.deepEqual(kids(), ["key2"]);
});

/** The claims in which a token with each fault differs; faults that are not listed have good claims. */
const DIFFERENCES: Partial<Record<TokenFault, Readonly<Record<string, unknown>>>> = {
  expired: { iat: nowS - 120, exp: nowS - 60 },
  not_yet_valid: { nbf: nowS + 60 },
  tampered: { sub: "alice2" },
  other_audience: { aud: "another-service" },
  other_issuer: { iss: "https://another.invalid" },
  no_expiry: { exp: undefined },
  endless: { exp: 1e300 },
  no_subject: { sub: undefined },
  empty_subject: { sub: "" },
  bad_channels: { channels: "general" },
};

Deno.test("token() differs from a good one in nothing but its fault", async () => {
  for (const fault of Object.keys(TOKEN_FAULTS) as TokenFault[]) {
    const expected = JSON.parse(JSON.stringify({ ...GOOD, ...DIFFERENCES[fault] }));
    const [header, payload] = (await issuer.token({ fault })).split(".");
    assert.deepEqual(decodeJwt(`${header}.${payload}.`), expected, fault);
  }
});

Deno.test("token() takes user, channels, expiry and any claims", async () => {
  const token = await issuer.token({
    user: "7",
    channels: ["a"],
    expiresInS: 1,
    claims: { extra: { deep: [null] }, iss: undefined },
  });
  const { iss: _, ...others } = GOOD;
  const expected = { ...others, sub: "7", channels: ["a"], exp: nowS + 1, extra: { deep: [null] } };
  assert.deepEqual(decodeJwt(token), expected);
});
