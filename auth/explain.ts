/**
 * Explains why a token was refused: what it says, what was expected, and what to change. For the command
 * `token check`, whose user has the token; clients get only the verifier's reason.
 *
 * @module
 */

import { decodeJwt, decodeProtectedHeader } from "jose";
import { NAME_RULE } from "../gateway/protocol/names.ts";
import { claimNoNumber, MAX_CHANNELS, missingClaim, REASONS } from "./verifier.ts";

/** The gateway's expectations of a token. */
export interface Expected {
  /** The required `iss`; not checked if not given. */
  readonly issuer?: string | undefined;
  /** The required `aud`; not checked if not given. */
  readonly audience?: string | undefined;
  readonly clockToleranceMs: number;
  /**
   * The source of the keys: `GATEWAY_JWT_SECRET`, perhaps with `GATEWAY_JWT_SECRET_PREVIOUS`, or the URL of a key
   * set.
   */
  readonly keys:
    | { readonly secret: true; readonly previous: boolean }
    | { readonly secret: false; readonly url: string };
}

/** One or two sentences each, without a line break. */
export interface Explanation {
  /** The fault in the token. */
  readonly why: string;
  /** The fix. */
  readonly change: string;
}

interface Facts {
  readonly token: string;
  readonly header: Readonly<Record<string, unknown>>;
  readonly claims: Readonly<Record<string, unknown>>;
  readonly expected: Expected;
  readonly now: number;
}

/** @param reason the reason of the verifier's refusal */
export function explain(
  reason: string,
  { token, expected, now }: Pick<Facts, "token" | "expected" | "now">,
): Explanation {
  const facts = { token, expected, now, header: headerOf(token), claims: claimsOf(token) };
  return EXPLAINERS.get(reason)?.(facts) ?? { why: reason, change: "Correct the token's issuer." };
}

const TIME_CLAIMS = ["exp", "nbf", "iat"] as const;

const EXPLAINERS: ReadonlyMap<string, (facts: Facts) => Explanation> = new Map<
  string,
  (facts: Facts) => Explanation
>([
  [REASONS.malformed, ({ token }) => explainMalformed(token)],
  [REASONS.algorithm, ({ header, expected }) => ({
    why: `its "alg" is ${shown(header["alg"])}, ` +
      (expected.keys.secret
        ? "and with GATEWAY_JWT_SECRET only HS256 is accepted"
        : "and with GATEWAY_JWKS_URL only RS, PS, ES and EdDSA signatures are accepted"),
    change: expected.keys.secret
      ? "Sign it with HS256 and the secret, or set GATEWAY_JWKS_URL to the issuer's key set instead."
      : "Sign it with a private key of the key set, or set GATEWAY_JWT_SECRET instead.",
  })],
  [REASONS.extension, ({ header }) => ({
    why: `its header has "crit": ${shown(header["crit"])}, which the gateway does not know`,
    change: 'Issue it without "crit".',
  })],
  [REASONS.unknownKey, ({ header, expected }) => ({
    why: `no key at ${urlOf(expected)} fits its "kid" ${shown(header["kid"])} and "alg" ` +
      shown(header["alg"]),
    change: "Publish the key that signs, with the same kid and alg (RSA from 2,048 bits), or " +
      "correct GATEWAY_JWKS_URL: the token may be of another issuer.",
  })],
  [REASONS.signature, ({ expected }) => ({
    why: expected.keys.secret
      ? "it was signed with another secret than GATEWAY_JWT_SECRET" +
        `${expected.keys.previous ? " and GATEWAY_JWT_SECRET_PREVIOUS" : ""}, or changed afterwards`
      : "it was signed with another key than the one published under its kid, or changed afterwards",
    change: expected.keys.secret
      ? "Use the same secret on both sides, as text: the gateway does not decode Base64 or hex."
      : "Sign with the private half of the published key, and give a new key a new kid.",
  })],
  [REASONS.issuer, ({ claims, expected }) => ({
    why: `its "iss" is ${shown(claims["iss"])}, expected ${shown(expected.issuer)}`,
    change: "Correct GATEWAY_JWT_ISSUER or the issuer; a slash at the end counts.",
  })],
  [REASONS.audience, ({ claims, expected }) => ({
    why: `its "aud" is ${shown(claims["aud"])}, expected ${shown(expected.audience)}`,
    change: "Correct GATEWAY_JWT_AUDIENCE, or ask the issuer for a token with this audience.",
  })],
  [REASONS.expired, ({ claims, now, expected }) => ({
    why: `it expired at ${time(claims["exp"])}, ${ago(claims["exp"], now)} ago` +
      tolerance(expected),
    change: "Get a new one before it expires (getToken of the client library). If it was just " +
      'issued: "exp" is in seconds, and the clocks of issuer and gateway must agree.',
  })],
  [REASONS.notYetValid, ({ claims, now, expected }) => ({
    why: `it is valid from ${time(claims["nbf"])}, in ${ago(claims["nbf"], now)}` +
      tolerance(expected),
    change: "Set the clocks of issuer and gateway by NTP, or raise GATEWAY_CLOCK_TOLERANCE_MS.",
  })],
  [REASONS.expiryOutOfRange, ({ claims }) => ({
    why: `its "exp" is ${shown(claims["exp"])}, which is no date`,
    change: 'Issue "exp" in seconds since 1970.',
  })],
  [REASONS.badUser, ({ claims }) => ({
    why: `its "sub" is ${shown(claims["sub"])}; ${NAME_RULE} are a user`,
    change: 'Issue the user\'s id as a string in "sub".',
  })],
  [REASONS.badChannels, ({ claims }) => ({
    why: `its "channels" are ${shown(claims["channels"])}, expected an array of names: ` +
      NAME_RULE,
    change: 'Issue "channels" as an array of strings, or leave it out.',
  })],
  [REASONS.manyChannels, ({ claims }) => ({
    why: `it has ${lengthOf(claims["channels"])} channels, at most ${MAX_CHANNELS} are accepted`,
    change: "Issue fewer, and let the backend add channels: PUT /users/{user}/channels/{channel}.",
  })],
  ...["exp", "sub", "iss", "aud"].map((claim) =>
    [missingClaim(claim), ({ expected }: Facts) => ({
      why: `it has no "${claim}"${wanted(claim, expected)}`,
      change: `Issue "${claim}"${MEANINGS.get(claim) ?? ""}.`,
    })] as const
  ),
  ...TIME_CLAIMS.map((claim) =>
    [claimNoNumber(claim), ({ claims }: Facts) => ({
      why: `its "${claim}" is ${shown(claims[claim])}, expected a number`,
      change: `Issue "${claim}" in seconds since 1970, as a number.`,
    })] as const
  ),
]);

const MEANINGS: ReadonlyMap<string, string> = new Map([
  ["exp", ", the end of its validity in seconds since 1970"],
  ["sub", ", the user's id as a string"],
]);

function wanted(claim: string, { issuer, audience }: Expected): string {
  if (claim === "iss") return `, but GATEWAY_JWT_ISSUER is ${shown(issuer)}`;
  return claim === "aud" ? `, but GATEWAY_JWT_AUDIENCE is ${shown(audience)}` : "";
}

function explainMalformed(token: string): Explanation {
  if (/^bearer\s/i.test(token)) {
    return { why: 'it begins with "Bearer "', change: "Send the token alone in Identify." };
  }
  if (/[\s"']/.test(token)) {
    return {
      why: "it has blanks, line breaks or quotes",
      change: "Send it as the issuer made it.",
    };
  }
  const parts = token.split(".").length;
  if (parts === 5) {
    return { why: "it is encrypted (JWE)", change: "Issue a signed token (JWS) instead." };
  }
  if (parts !== 3 || token.endsWith(".")) {
    return {
      why: parts === 3
        ? "its signature is empty"
        : `it has ${parts} of 3 parts that are separated by dots`,
      change: parts === 1
        ? "Send a JWT: an opaque access token, as of OAuth, cannot be verified here."
        : "Check whether it was shortened, for example by a column of a database.",
    };
  }
  return {
    why: "its header or claims are not JSON in Base64url",
    change: "Check whether it was changed on its way; make it with a JWT library.",
  };
}

function headerOf(token: string): Facts["header"] {
  try {
    return { ...decodeProtectedHeader(token) };
  } catch {
    return {};
  }
}

function claimsOf(token: string): Facts["claims"] {
  try {
    return decodeJwt(token);
  } catch {
    return {};
  }
}

function urlOf({ keys }: Expected): string {
  return keys.secret ? "GATEWAY_JWT_SECRET" : keys.url;
}

/** A claim as JSON, shortened to 100 characters. */
function shown(value: unknown): string {
  if (value === undefined) return "missing";
  const text = JSON.stringify(value);
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}

function lengthOf(value: unknown): number {
  return Array.isArray(value) ? value.length : 0;
}

function time(seconds: unknown): string {
  const date = new Date(Number(seconds) * 1000);
  return Number.isNaN(date.getTime()) ? shown(seconds) : date.toISOString().replace(".000Z", "Z");
}

/** The time between a claim and now, in its two largest units. */
function ago(seconds: unknown, now: number): string {
  return duration(Math.abs(Number(seconds) * 1000 - now));
}

function tolerance({ clockToleranceMs }: Expected): string {
  return clockToleranceMs === 0 ? "" : ` (tolerance ${clockToleranceMs} ms)`;
}

/** Such as `3 min` or `2 d`. */
export function duration(ms: number): string {
  const s = Math.floor(ms / 1000);
  if (s < 120) return `${s} s`;
  if (s < 7200) return `${Math.floor(s / 60)} min`;
  return s < 172_800 ? `${Math.floor(s / 3600)} h` : `${Math.floor(s / 86_400)} d`;
}
