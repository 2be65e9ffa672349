/**
 * When to get a new token: what the client reads in a JWT, without believing a clock that may be wrong.
 *
 * It does not verify anything; that is the gateway's work.
 *
 * @module
 */

import { fieldOf } from "./realm.ts";

/** A token is renewed this long before it expires, if it lives long enough for that. */
const MARGIN_MS = 60_000;
/** Not sooner than this, should the app go on giving the token that is about to expire. */
const MIN_MS = 1000;

/** How long a token is good for, in milliseconds from now. */
export interface Lifetime {
  /** When to get the next one. */
  readonly renewInMs: number;
  /** When the gateway will refuse it. */
  readonly expiresInMs: number;
}

/**
 * How long `token` is good for; `undefined` if that cannot be told, and the gateway has to say when it has
 * expired.
 *
 * A device's clock may be off by hours. So the time that the issuer gave it (`exp` − `iat`) bounds what the
 * clock says, and stands alone where the clock says that a token has expired which was just handed out.
 */
export function lifetimeOf(token: string, now: number): Lifetime | undefined {
  const claims = claimsOf(token);
  const expiresAt = secondsIn(claims, "exp");
  if (expiresAt === undefined) return undefined;
  const issuedAt = secondsIn(claims, "iat");
  const byClock = expiresAt * 1000 - now;
  const byIssuer = issuedAt === undefined ? byClock : (expiresAt - issuedAt) * 1000;
  const leftMs = byClock > 0 ? Math.min(byClock, byIssuer) : byIssuer;
  if (leftMs <= 0) return undefined;
  const renewInMs = Math.max(MIN_MS, leftMs - Math.min(MARGIN_MS, leftMs / 5));
  return { renewInMs, expiresInMs: leftMs };
}

function secondsIn(claims: unknown, name: string): number | undefined {
  const value = fieldOf(claims, name);
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}

function claimsOf(token: string): unknown {
  const payload = token.split(".")[1];
  if (payload === undefined) return undefined;
  try {
    // The claims that matter here are numbers, so that the bytes need not be read as UTF-8.
    return JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/")));
  } catch {
    return undefined;
  }
}
