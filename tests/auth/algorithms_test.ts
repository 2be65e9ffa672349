/**
 * Accepted algorithms by kind of key: a shared secret, and key sets.
 *
 * @module
 */

import assert from "node:assert/strict";
import { exportJWK, exportSPKI, generateKeyPair, SignJWT } from "jose";
import { createVerifier, KeySet, type KeySource, sharedSecret } from "../../auth/mod.ts";
import type { TokenVerdict } from "../../gateway/ports.ts";
import { FakeClock } from "../../mock/doubles/clock.ts";
import { FakeLogger } from "../../mock/doubles/logger.ts";
import { saying } from "./support.ts";

const clock = new FakeClock();
const SECRET = "a secret of more than 32 characters";
const utf8 = (text: string) => new TextEncoder().encode(text);

function sign(alg: string, key: CryptoKey | Uint8Array, kid?: string): Promise<string> {
  return new SignJWT({ sub: "7", exp: clock.now() / 1000 + 60 })
    .setProtectedHeader(kid === undefined ? { alg } : { alg, kid })
    .sign(key);
}

function verify(keys: KeySource, token: string): Promise<TokenVerdict> {
  return createVerifier(keys, { clock }).verify(token);
}

/** The reason of the refusal; `undefined` for an accepted token. */
async function refusal(keys: KeySource, token: string): Promise<string | undefined> {
  const verdict = await verify(keys, token);
  return verdict.ok ? undefined : verdict.reason;
}

function keySet(keys: readonly unknown[], log = new FakeLogger()): KeySet {
  const url = new URL("https://issuer.test/jwks");
  return new KeySet({ url, fetch: saying(JSON.stringify({ keys })), clock, log });
}

const WRONG_ALGORITHM = "the token's algorithm is not accepted";
const WRONG_SIGNATURE = "the token's signature is wrong";
const NO_KEY = "the issuer publishes no usable key for the token";

// Making an RSA key is slow, so one serves all tests. The library ties a key to one algorithm.
const rsaPair = await generateKeyPair("RS256", { extractable: true });
const rsa = await exportJWK(rsaPair.publicKey);
const rsaPrivate = await exportJWK(rsaPair.privateKey);

function importRsa(alg: string): Promise<CryptoKey> {
  const name = alg.startsWith("PS") ? "RSA-PSS" : "RSASSA-PKCS1-v1_5";
  const algorithm = { name, hash: `SHA-${alg.slice(2)}` };
  return crypto.subtle.importKey("jwk", rsaPrivate, algorithm, false, ["sign"]);
}

Deno.test("sharedSecret() accepts HS256 under the secret, and nothing else", async () => {
  const keys = sharedSecret(SECRET);
  assert.deepEqual(await verify(keys, await sign("HS256", utf8(SECRET))), {
    ok: true,
    user: "7",
    channels: [],
    expiresAt: clock.now() + 60_000,
    issuedAt: 0,
  });
  assert.equal(await refusal(keys, await sign("HS256", utf8(`${SECRET}!`))), WRONG_SIGNATURE);
  const long = SECRET.repeat(2);
  for (const alg of ["HS384", "HS512"]) {
    assert.equal(await refusal(sharedSecret(long), await sign(alg, utf8(long))), WRONG_ALGORITHM);
  }
  assert.equal(await refusal(keys, await sign("RS256", rsaPair.privateKey)), WRONG_ALGORITHM);
});

Deno.test("sharedSecret() refuses a secret of fewer than 32 bytes, and does not show it", () => {
  assert.throws(() => sharedSecret("x".repeat(31)), {
    code: "bad_configuration",
    message: "the JWT secret must have at least 32 bytes and has 31",
  });
  assert.throws(() => sharedSecret(""), { code: "bad_configuration" });
  sharedSecret("x".repeat(32));
  sharedSecret("ü".repeat(16));
});

Deno.test("sharedSecret() accepts the previous secret too, and reports its use", async () => {
  const previous = "the secret that was there before it";
  let uses = 0;
  const keys = sharedSecret(SECRET, { previous, previousUsed: () => uses++ });
  assert.equal(await refusal(keys, await sign("HS256", utf8(SECRET))), undefined);
  assert.equal(uses, 0);
  assert.equal(await refusal(keys, await sign("HS256", utf8(previous))), undefined);
  assert.equal(uses, 1);
  assert.equal(await refusal(keys, await sign("HS256", utf8(`${previous}!`))), WRONG_SIGNATURE);
  assert.equal(await refusal(keys, await sign("HS512", utf8(previous.repeat(2)))), WRONG_ALGORITHM);
  assert.equal(uses, 1);
  assert.equal(
    await refusal(sharedSecret(SECRET), await sign("HS256", utf8(previous))),
    WRONG_SIGNATURE,
  );
  assert.throws(() => sharedSecret(SECRET, { previous: "x".repeat(31) }), {
    code: "bad_configuration",
  });
});

Deno.test("an expired token of the previous secret is refused as expired, and is no use of it", async () => {
  const previous = "the secret that was there before it";
  let uses = 0;
  const keys = sharedSecret(SECRET, { previous, previousUsed: () => uses++ });
  const token = await sign("HS256", utf8(previous));
  const later = new FakeClock();
  later.jumpWall(60_001);
  const verdict = await createVerifier(keys, { clock: later }).verify(token);
  assert.ok(!verdict.ok);
  assert.equal(verdict.refusal, "expired");
  assert.equal(uses, 0);
});

Deno.test("KeySet accepts every RSA algorithm with one key that names none", async () => {
  const keys = keySet([{ ...rsa, kid: "r" }]);
  for (const alg of ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]) {
    assert.equal(await refusal(keys, await sign(alg, await importRsa(alg), "r")), undefined, alg);
  }
});

async function acceptsElliptic(alg: string): Promise<void> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  const keys = keySet([{ ...await exportJWK(publicKey), kid: "e" }]);
  assert.equal(await refusal(keys, await sign(alg, privateKey, "e")), undefined, alg);
}

Deno.test("KeySet accepts the elliptic algorithms", async () => {
  for (const alg of ["ES256", "ES384", "EdDSA", "Ed25519"]) await acceptsElliptic(alg);
});

Deno.test("KeySet takes EdDSA and Ed25519 for one algorithm, whichever the key or the token names", async () => {
  const { publicKey, privateKey } = await generateKeyPair("Ed25519", { extractable: true });
  const jwk = { ...await exportJWK(publicKey), kid: "e" };
  for (const named of ["EdDSA", "Ed25519"]) {
    const keys = keySet([{ ...jwk, alg: named }]);
    for (const alg of ["EdDSA", "Ed25519"]) {
      assert.equal(await refusal(keys, await sign(alg, privateKey, "e")), undefined, named + alg);
    }
    assert.equal(await refusal(keys, await sign("RS256", rsaPair.privateKey, "e")), NO_KEY);
  }
  const other = keySet([{ ...jwk, alg: "ES256" }]);
  assert.equal(await refusal(other, await sign("EdDSA", privateKey, "e")), NO_KEY);
});

Deno.test("KeySet takes no key without a kid for a token that names one", async () => {
  const token = await sign("RS256", rsaPair.privateKey, "r");
  assert.equal(await refusal(keySet([rsa]), token), NO_KEY);
  // Without a `kid`, every matching key is tried.
  const unnamed = await sign("RS256", rsaPair.privateKey);
  assert.equal(await refusal(keySet([{ ...rsa, kid: "r" }]), unnamed), undefined);
});

Deno.test({
  name: "KeySet accepts ES512 where the runtime knows the curve P-521",
  ignore: !await signsWithP521(),
  fn: () => acceptsElliptic("ES512"),
});

/** Deno 2.4 makes such keys, but neither signs nor verifies with them. */
async function signsWithP521(): Promise<boolean> {
  const { privateKey } = await generateKeyPair("ES512");
  const algorithm = { name: "ECDSA", hash: "SHA-512" };
  return await crypto.subtle.sign(algorithm, privateKey, new Uint8Array()).then(
    () => true,
    () => false,
  );
}

Deno.test("KeySet refuses an HMAC under its public key, in every guise of that key", async () => {
  const keys = keySet([{ ...rsa, kid: "r" }]);
  const pem = await exportSPKI(rsaPair.publicKey);
  for (const secret of [pem, pem.trim(), JSON.stringify(rsa), String(rsa.n)]) {
    for (const alg of ["HS256", "HS384", "HS512"]) {
      assert.equal(await refusal(keys, await sign(alg, utf8(secret), "r")), WRONG_ALGORITHM);
    }
  }
});

Deno.test("KeySet refuses an HMAC even when the issuer publishes a secret", async () => {
  const keys = keySet([{ kty: "oct", k: btoa(SECRET), kid: "s", alg: "HS256" }]);
  assert.equal(await refusal(keys, await sign("HS256", utf8(SECRET), "s")), WRONG_ALGORITHM);
});

Deno.test("KeySet uses no key that is for something else, private, short or broken", async () => {
  const token = await sign("RS256", rsaPair.privateKey, "r");
  for (
    const [jwk, warned] of [
      [{ ...rsa, use: "enc" }, false],
      [{ ...rsa, key_ops: ["encrypt"] }, false],
      [{ ...rsa, alg: "RS512" }, false],
      [{ ...rsa, kty: "EC" }, false],
      [{ ...rsa, kty: "unheard of" }, false],
      [{ ...rsa, kid: "another" }, false],
      [{ ...rsa, kid: 7 }, false],
      [rsaPrivate, true],
      [{ ...rsa, n: "not base64url!" }, true],
      [{ kty: "RSA" }, true],
      // 1024 bits are too weak, and must not be accepted.
      [{ ...rsa, n: rsa.n?.slice(0, 171) }, false],
    ] as const
  ) {
    const log = new FakeLogger();
    const keys = keySet([{ kid: "r", ...jwk }], log);
    assert.equal(await refusal(keys, token), NO_KEY, JSON.stringify(jwk).slice(-60));
    assert.equal(await refusal(keys, token), NO_KEY);
    const expected = warned ? ["a key of the issuer cannot be used"] : [];
    assert.deepEqual(log.messages("warn"), expected);
  }
});

Deno.test("KeySet takes one bad key in a set for that key's fault only", async () => {
  const keys = keySet([null, 7, "x", [], {}, { kty: "RSA", kid: "b" }, { ...rsa, kid: "r" }]);
  assert.equal(await refusal(keys, await sign("RS256", rsaPair.privateKey, "r")), undefined);
});

Deno.test("KeySet tries every key that fits a token that names none", async () => {
  const pairs = [await generateKeyPair("ES256"), await generateKeyPair("ES256")];
  const jwks = await Promise.all(pairs.map(({ publicKey }) => exportJWK(publicKey)));
  const keys = keySet([...jwks, { ...rsa, use: "sig" }]);
  for (const { privateKey } of pairs) {
    assert.equal(await refusal(keys, await sign("ES256", privateKey)), undefined);
  }
  assert.equal(await refusal(keys, await sign("RS256", rsaPair.privateKey)), undefined);
  const stranger = await generateKeyPair("ES256");
  assert.equal(await refusal(keys, await sign("ES256", stranger.privateKey)), WRONG_SIGNATURE);
});

Deno.test("KeySet says that a token has expired also when its second key signed it", async () => {
  const pairs = [await generateKeyPair("EdDSA"), await generateKeyPair("EdDSA")];
  const jwks = await Promise.all(pairs.map(({ publicKey }) => exportJWK(publicKey)));
  for (const { privateKey } of pairs) {
    const token = await new SignJWT({ sub: "7", exp: clock.now() / 1000 - 60 })
      .setProtectedHeader({ alg: "EdDSA" }).sign(privateKey);
    assert.equal(await refusal(keySet(jwks), token), "the token has expired");
  }
});
