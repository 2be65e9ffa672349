/**
 * Reads from a JWT when to renew it, without trusting a clock that may be wrong. Verifies nothing; that is the
 * gateway's work.
 *
 * @module
 */

import { fieldOf } from "./realm.ts";

/** A token is renewed this long before it expires, or a fifth of its life before if that is shorter. */
const MARGIN_MS = 60_000;
/** The minimum, for an app that returns the expiring token again. */
const MIN_MS = 1000;

/** Times of a token, in milliseconds from now. */
export interface Lifetime {
  readonly renewInMs: number;
  readonly expiresInMs: number;
}

const ENDLESS: Lifetime = { renewInMs: Infinity, expiresInMs: Infinity };

/**
 * Returns the lifetime of `token`, endless if it cannot be read; then the gateway's refusal shows that it has
 * expired.
 *
 * A device's clock may be off by hours. So the lifetime that the issuer set (`exp` − `iat`) is an upper bound,
 * and is used alone if, by the clock, a token that was just issued has expired.
 */
export function lifetimeOf(token: string, now: number): Lifetime {
  const claims = claimsOf(token);
  const expiresAt = secondsIn(claims, "exp");
  if (expiresAt === undefined) return ENDLESS;
  const issuedAt = secondsIn(claims, "iat");
  const byClock = expiresAt * 1000 - now;
  const byIssuer = issuedAt === undefined ? byClock : (expiresAt - issuedAt) * 1000;
  const leftMs = byClock > 0 ? Math.min(byClock, byIssuer) : byIssuer;
  if (leftMs <= 0) return ENDLESS;
  const renewInMs = Math.max(MIN_MS, leftMs - Math.min(MARGIN_MS, leftMs / 5));
  return { renewInMs, expiresInMs: leftMs };
}

function secondsIn(claims: unknown, name: string): number | undefined {
  const value = fieldOf(claims, name);
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}

function claimsOf(token: string): unknown {
  const payload = token.split(".")[1] ?? "";
  try {
    // The claims read here are numbers, so the bytes need not be decoded as UTF-8.
    return JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/")));
  } catch {
    return undefined;
  }
}
