/**
 * The lifetime that the client reads in a token, independent of the device's clock.
 *
 * @module
 */

import assert from "node:assert/strict";
import { lifetimeOf } from "../../client/jwt.ts";

const HOUR_MS = 3_600_000;

function jwt(claims: object): string {
  const bytes = new TextEncoder().encode(JSON.stringify(claims));
  return `e30.${bytes.toBase64({ alphabet: "base64url", omitPadding: true })}.c2ln`;
}

Deno.test("lifetimeOf() renews a minute before the token expires, or a fifth of a short life", () => {
  const now = 1_700_000_000_000;
  const s = now / 1000;
  assert.equal(lifetimeOf(jwt({ iat: s, exp: s + 3600 }), now).renewInMs, HOUR_MS - 60_000);
  assert.equal(lifetimeOf(jwt({ exp: s + 3600 }), now).renewInMs, HOUR_MS - 60_000);
  assert.equal(lifetimeOf(jwt({ iat: s, exp: s + 100 }), now).renewInMs, 80_000);
  assert.equal(lifetimeOf(jwt({ iat: s, exp: s + 1 }), now).renewInMs, 1000);
  assert.equal(lifetimeOf(jwt({ iat: s - 3000, exp: s + 600 }), now).renewInMs, 540_000);
  assert.equal(
    lifetimeOf(jwt({ iat: s, exp: s + 0.5, sub: "\u{1f600}>>>???" }), now).renewInMs,
    1000,
  );
});

Deno.test("lifetimeOf() does not believe a clock that is wrong", () => {
  const now = 1_700_000_000_000;
  const s = now / 1000;
  // Five hours ahead: by this clock, a token just made has long expired.
  assert.equal(
    lifetimeOf(jwt({ iat: s - 18_000, exp: s - 14_400 }), now).renewInMs,
    HOUR_MS - 60_000,
  );
  // Five hours behind: by this clock, it has six hours left.
  assert.equal(
    lifetimeOf(jwt({ iat: s + 18_000, exp: s + 21_600 }), now).renewInMs,
    HOUR_MS - 60_000,
  );
  // The lifetime is unknown.
  assert.equal(lifetimeOf(jwt({ exp: s - 14_400 }), now).expiresInMs, Infinity);
});

Deno.test("lifetimeOf() knows nothing of what is no JWT, or has no expiry", () => {
  const odd = ["", "opaque", "a.b.c", "a.!!!.c", `a.${btoa("null")}.c`, `a.${btoa("[1")}.c`];
  for (const token of [...odd, jwt({}), jwt({ exp: "soon" }), jwt({ exp: null })]) {
    assert.deepEqual(lifetimeOf(token, 0), { renewInMs: Infinity, expiresInMs: Infinity }, token);
  }
});
