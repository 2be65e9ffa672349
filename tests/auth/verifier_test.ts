/**
 * Verdicts on tokens of the mock issuer, with its key set as in production.
 *
 * @module
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import { createVerifier } from "../../auth/mod.ts";
import { OPTIONS } from "../../gateway/config/options.ts";
import type { TokenVerdict } from "../../gateway/ports.ts";
import { NAME_RULE } from "../../gateway/protocol/names.ts";
import { settle } from "../../mock/doubles/clock.ts";
import { TOKEN_FAULTS, type TokenFault } from "../../mock/issuer.ts";
import { world } from "./support.ts";

function reason(verdict: TokenVerdict): string {
  if (verdict.ok) assert.fail(`accepted for ${verdict.user}`);
  return verdict.reason;
}

Deno.test("verify() accepts a good token with its user, channels and expiry", async () => {
  const { clock, issuer, verifier } = await world();
  const token = await issuer.token({ user: "7", channels: ["a", "b"], expiresInS: 60 });
  assert.deepEqual(await verifier.verify(token), {
    ok: true,
    user: "7",
    channels: ["a", "b"],
    expiresAt: clock.now() + 60_000,
    issuedAt: clock.now(),
  });
});

const REASONS: Readonly<Record<TokenFault, string>> = {
  expired: "the token has expired",
  not_yet_valid: "the token is not valid yet",
  wrong_signature: "the token's signature is wrong",
  tampered: "the token's signature is wrong",
  other_audience: "the token is for another audience",
  other_issuer: "the token is another issuer's",
  alg_none: "the token's algorithm is not accepted",
  key_confusion: "the token's algorithm is not accepted",
  unknown_key: "the issuer publishes no usable key for the token",
  unknown_extension: "the token's header demands an extension that is not known",
  no_expiry: 'the token has no "exp"',
  endless: 'the token\'s "exp" is out of range',
  no_subject: 'the token has no "sub"',
  empty_subject: `the token's "sub" is no name: ${NAME_RULE}`,
  bad_channels: `the token's "channels" are no names: ${NAME_RULE}`,
  truncated: "the token is malformed",
};

/** The faults with their own reason. */
const SPECIAL_REFUSALS = ["not_yet_valid", "unknown_key", "expired"] as const;

Deno.test("verify() refuses each fault with its reason, which fits a close frame", async (t) => {
  const { issuer, verifier } = await world();
  for (const fault of Object.keys(TOKEN_FAULTS) as TokenFault[]) {
    await t.step(fault, async () => {
      const token = await issuer.token({ user: "marker-of-the-token", fault });
      const verdict = await verifier.verify(token);
      const why = reason(verdict);
      assert.equal(why, REASONS[fault]);
      const refusal = SPECIAL_REFUSALS.find((name) => name === fault) ?? "invalid";
      assert.ok(!verdict.ok && verdict.refusal === refusal);
      assert.ok(new TextEncoder().encode(why).length <= 120);
    });
  }
});

Deno.test("verify() refuses a user whom no URL can name, so that nobody could disconnect them", async () => {
  const { issuer, verifier } = await world();
  for (const user of [".", ".."]) {
    assert.equal(
      reason(await verifier.verify(await issuer.token({ user }))),
      REASONS.empty_subject,
    );
  }
  assert.ok((await verifier.verify(await issuer.token({ user: "..." }))).ok);
});

Deno.test("verify() ends a token's life at exactly exp plus the tolerance", async () => {
  for (const clockToleranceMs of [0, 1, 500, 1500]) {
    const { clock, issuer, verifier } = await world({ clockToleranceMs });
    const token = await issuer.token({ expiresInS: 10 });
    const end = clock.steady() + 10_000 + clockToleranceMs;
    await clock.advanceTo(end - 1);
    const verdict = await verifier.verify(token);
    assert.ok(verdict.ok && verdict.expiresAt === end, `tolerance ${clockToleranceMs}`);
    await clock.advanceTo(end);
    assert.equal(reason(await verifier.verify(token)), REASONS.expired);
    await clock.advance(60_000);
    assert.equal(reason(await verifier.verify(token)), REASONS.expired);
  }
});

Deno.test("verify() begins a token's life at exactly nbf minus the tolerance", async () => {
  for (const clockToleranceMs of [0, 1, 500, 1500]) {
    const { clock, issuer, verifier } = await world({ clockToleranceMs });
    const token = await issuer.token({ claims: { nbf: clock.now() / 1000 + 10 } });
    assert.equal(reason(await verifier.verify(token)), REASONS.not_yet_valid);
    const begin = clock.steady() + 10_000 - clockToleranceMs;
    await clock.advanceTo(begin - 1);
    assert.equal(reason(await verifier.verify(token)), REASONS.not_yet_valid);
    await clock.advanceTo(begin);
    assert.ok((await verifier.verify(token)).ok, `tolerance ${clockToleranceMs}`);
  }
});

Deno.test("verify() accepts what an issuer issues whose clock is a little off, by default", async () => {
  const { clock, issuer, verifier } = await world({
    clockToleranceMs: OPTIONS.clockToleranceMs.default,
  });
  const now = clock.now() / 1000;
  for (const offS of [-3, -2, -1, 1, 2, 3]) {
    const claims = { nbf: now + offS, iat: now + offS };
    assert.ok((await verifier.verify(await issuer.token({ claims }))).ok, `nbf ${offS} s off`);
    const brief = await issuer.token({ claims: { iat: now + offS - 1, exp: now + offS } });
    assert.ok((await verifier.verify(brief)).ok, `exp ${offS} s off`);
  }
  const iat = await issuer.token({ claims: { iat: now + 3600 } });
  assert.ok((await verifier.verify(iat)).ok, "iat is not compared with the clock");
});

Deno.test("verify() goes by the wall clock, which may jump", async () => {
  const { clock, issuer, verifier } = await world();
  const token = await issuer.token({ expiresInS: 10 });
  clock.jumpWall(10_000);
  assert.equal(reason(await verifier.verify(token)), REASONS.expired);
  clock.jumpWall(-1);
  assert.ok((await verifier.verify(token)).ok);
});

Deno.test("verify() refuses times that are not numbers or out of range", async () => {
  const { issuer, verifier } = await world();
  const isNot = (claim: string) => `the token's "${claim}" is not a number`;
  const outOfRange = REASONS.endless;
  for (
    const [claims, expected] of [
      [{ exp: "2000000000" }, isNot("exp")],
      [{ exp: null }, isNot("exp")],
      [{ exp: true }, isNot("exp")],
      [{ exp: 8.64e12 + 1 }, outOfRange],
      [{ exp: Number.MAX_VALUE }, outOfRange],
      [{ exp: -1e300 }, REASONS.expired],
      [{ exp: 0 }, REASONS.expired],
      [{ nbf: "1" }, isNot("nbf")],
      [{ nbf: 1e300 }, REASONS.not_yet_valid],
      [{ iat: "yesterday" }, isNot("iat")],
    ] as const
  ) {
    const token = await issuer.token({ claims });
    assert.equal(reason(await verifier.verify(token)), expected, JSON.stringify(claims));
  }
  assert.ok((await verifier.verify(await issuer.token({ claims: { exp: 8.64e12 } }))).ok);
  assert.ok((await verifier.verify(await issuer.token({ claims: { nbf: -1e300 } }))).ok);
});

Deno.test("verify() refuses a user that no route could name", async () => {
  const { issuer, verifier } = await world();
  for (
    const sub of [
      7,
      null,
      ["7"],
      {},
      true,
      "x".repeat(256),
      "lone \ud800 surrogate",
      "a\nb",
      "a\x85",
    ]
  ) {
    const verdict = await verifier.verify(await issuer.token({ claims: { sub } }));
    assert.equal(reason(verdict), REASONS.empty_subject, JSON.stringify(sub));
  }
  for (const user of ["x", "x".repeat(255), "zoë/😀", "__proto__"]) {
    const verdict = await verifier.verify(await issuer.token({ user }));
    assert.ok(verdict.ok && verdict.user === user);
  }
});

Deno.test("verify() refuses channels that are not an array of names, and too many", async () => {
  const { issuer, verifier } = await world();
  for (
    const channels of [
      null,
      0,
      "",
      {},
      { length: 0 },
      [""],
      [1],
      ["a", null],
      [["a"]],
      [
        "x".repeat(256),
      ],
      ["\udfff"],
      ["a\0"],
    ]
  ) {
    const verdict = await verifier.verify(await issuer.token({ claims: { channels } }));
    assert.equal(reason(verdict), REASONS.bad_channels, JSON.stringify(channels));
  }
  const many = Array.from({ length: 1001 }, (_, i) => `c${i}`);
  const verdict = await verifier.verify(await issuer.token({ channels: many }));
  assert.equal(reason(verdict), "the token has more than 1000 channels");
});

Deno.test("verify() gives the channels without repetitions, none when there is no claim", async () => {
  const { issuer, verifier } = await world();
  const most = Array.from({ length: 999 }, (_, i) => `c${i}`).concat("x".repeat(255));
  for (
    const [channels, expected] of [
      [undefined, []],
      [[], []],
      [["b", "a", "b", "a"], ["b", "a"]],
      [most, most],
    ] as const
  ) {
    const verdict = await verifier.verify(await issuer.token({ claims: { channels } }));
    assert.ok(verdict.ok);
    assert.deepEqual(verdict.channels, expected);
  }
});

Deno.test("verify() asks for issuer and audience only where they are configured", async () => {
  const { clock, issuer, keys, verifier } = await world();
  const lenient = createVerifier(keys, { clock });
  for (const fault of ["other_issuer", "other_audience"] as const) {
    assert.ok((await lenient.verify(await issuer.token({ fault }))).ok);
  }
  const bare = await issuer.token({ claims: { iss: undefined, aud: undefined } });
  assert.ok((await lenient.verify(bare)).ok);
  assert.match(reason(await verifier.verify(bare)), /^the token has no "(iss|aud)"$/);

  const several = await issuer.token({ claims: { aud: ["x", issuer.audience] } });
  assert.ok((await verifier.verify(several)).ok);
  for (const aud of [[], ["x"], null, {}, [null]]) {
    const token = await issuer.token({ claims: { aud } });
    assert.equal(reason(await verifier.verify(token)), REASONS.other_audience);
  }
  const listed = await issuer.token({ claims: { iss: [issuer.issuer] } });
  assert.equal(reason(await verifier.verify(listed)), REASONS.other_issuer);
});

Deno.test("verify() refuses whatever is no token, and never throws", async () => {
  const { issuer, verifier } = await world();
  const [header, payload, signature] = (await issuer.token()).split(".");
  const encode = (text: string) => btoa(text).replaceAll("=", "");
  for (
    const token of [
      ..."|.|..|...|....|a.b.c|null|{}".split("|"),
      `${header}.${payload}`,
      `${header}.${payload}.`,
      `${header}.${payload}.${signature}.`,
      `${header}..${signature}`,
      `.${payload}.${signature}`,
      ` ${header}.${payload}.${signature}`,
      `${encode("[]")}.${payload}.${signature}`,
      `${encode("null")}.${payload}.${signature}`,
      `${encode('{"alg":7}')}.${payload}.${signature}`,
      `${encode('{"alg":"EdDSA","crit":[]}')}.${payload}.${signature}`,
      `${encode('{"alg":"EdDSA","b64":false,"crit":["b64"]}')}.${payload}.${signature}`,
      "💥",
    ]
  ) {
    assert.ok(reason(await verifier.verify(token)).length > 0, token);
  }
});

Deno.test("verify() refuses a token of which any character was changed", async () => {
  const { clock, issuer, verifier } = await world();
  const token = await issuer.token();
  // The last character holds four bits that belong to no byte, so it has several spellings.
  const place = fc.nat(token.length - 2);
  const letter = fc.constantFrom(..."AaZz09-_.=+ é");
  await fc.assert(
    fc.asyncProperty(place, letter, async (at, changed) => {
      fc.pre(token[at] !== changed);
      const other = token.slice(0, at) + changed + token.slice(at + 1);
      const verdict = verifier.verify(other);
      // A token that names another key waits for the issuer's next answer.
      await settle();
      await clock.advance(5000);
      reason(await verdict);
    }),
    { numRuns: 300, seed: 1 },
  );
});

Deno.test("verify() looks for no key under an algorithm that is not accepted", async () => {
  const { issuer, network, verifier } = await world();
  for (const fault of ["alg_none", "key_confusion", "unknown_extension", "truncated"] as const) {
    reason(await verifier.verify(await issuer.token({ fault })));
  }
  assert.equal(network.count, 0);
});

Deno.test("verify() logs nothing of tokens and keys", async () => {
  const { issuer, log, network, verifier, clock } = await world();
  const token = await issuer.token();
  network.answer = () => Promise.resolve(new Response("{}"));
  await assert.rejects(verifier.verify(token));
  await clock.advance(1000);
  network.answer = issuer.fetch;
  assert.ok((await verifier.verify(token)).ok);
  assert.equal(log.lines.length, 2);
  const [, payload = "", signature = ""] = token.split(".");
  for (const secret of [payload, signature, "alice"]) assert.ok(!log.text().includes(secret));
});
