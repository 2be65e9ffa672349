/**
 * Verifies users' tokens (JWT, RFC 7519): signature, issuer, audience, times, user and channels.
 *
 * Decides the verdict and its reason; time and keys are injected. No reason and no error contains a token or a key.
 *
 * @module
 */

import { errors, type JWTPayload, jwtVerify } from "jose";
import { OperationalError } from "../gateway/errors.ts";
import type { Clock, TokenRefusal, TokenVerdict, TokenVerifier } from "../gateway/ports.ts";
import { isName, NAME_RULE } from "../gateway/protocol/names.ts";

/** Shortest secret for HS256: as long as its hash (RFC 7518, section 3.2). */
const MIN_SECRET_BYTES = 32;
export const MAX_CHANNELS = 1000;
/** The latest instant of a `Date`. */
const MAX_TIME_MS = 8.64e15;

/** The unverified header of a token. */
export interface TokenHeader {
  /** The algorithm, one of {@linkcode KeySource.algorithms}. */
  readonly alg?: string;
  /** The id of one of the issuer's keys. */
  readonly kid?: string;
}

export interface KeySource {
  /** Accepted values of a token's `alg`. */
  readonly algorithms: readonly string[];
  /**
   * Finds the keys that may have signed a token with this header.
   *
   * @throws {OperationalError} `issuer_unreachable` when they cannot be fetched
   */
  find(header: TokenHeader): Promise<readonly CryptoKey[]>;
  /** Called for each accepted token that another than the first of these keys has signed. */
  laterKeyUsed?(): void;
}

/** The secret that another one replaces, and is accepted beside it. */
export interface PreviousSecret {
  /** As UTF-8, at least 32 bytes. */
  readonly previous?: string | undefined;
  /** Called for each accepted token that is signed with it. */
  readonly previousUsed?: () => void;
}

export interface VerifierOptions {
  readonly clock: Clock;
  /** The required `iss`; not checked if not given. */
  readonly issuer?: string | undefined;
  /** The required `aud`; not checked if not given. */
  readonly audience?: string | undefined;
  /** Most difference between the issuer's clock and this one; 0 if not given. */
  readonly clockToleranceMs?: number | undefined;
}

/**
 * A secret that the app's backend and the gateway share, for HS256 only.
 *
 * @param secret the key, as UTF-8
 * @throws {OperationalError} `bad_configuration` for fewer than 32 bytes
 */
export function sharedSecret(
  secret: string,
  { previous, previousUsed }: PreviousSecret = {},
): KeySource {
  const keys = Promise.all([secret, ...previous === undefined ? [] : [previous]].map(importSecret));
  return {
    algorithms: ["HS256"],
    find: () => keys,
    ...previousUsed === undefined ? {} : { laterKeyUsed: previousUsed },
  };
}

function importSecret(secret: string): Promise<CryptoKey> {
  const bytes = new TextEncoder().encode(secret);
  if (bytes.length < MIN_SECRET_BYTES) {
    throw new OperationalError(
      "bad_configuration",
      `the JWT secret must have at least ${MIN_SECRET_BYTES} bytes and has ${bytes.length}`,
    );
  }
  const hmac = { name: "HMAC", hash: "SHA-256" };
  return crypto.subtle.importKey("raw", bytes, hmac, false, ["verify"]);
}

export function createVerifier(keys: KeySource, options: VerifierOptions): TokenVerifier {
  return {
    verify: async (token) => {
      try {
        const { claims, isFirstKey } = await verifySignature(token, keys, options);
        const verdict = judge(claims, options);
        if (verdict.ok && !isFirstKey) keys.laterKeyUsed?.();
        return verdict;
      } catch (error) {
        if (error instanceof errors.JOSEError) return refuse(reasonOf(error));
        throw error;
      }
    },
  };
}

/** Verifies signature, issuer and audience, and times to the second. */
async function verifySignature(
  token: string,
  keys: KeySource,
  { clock, issuer, audience, clockToleranceMs = 0 }: VerifierOptions,
): Promise<{ readonly claims: JWTPayload; readonly isFirstKey: boolean }> {
  const checks = {
    algorithms: [...keys.algorithms],
    requiredClaims: ["exp", "sub"],
    currentDate: new Date(clock.now()),
    // The library counts in whole seconds. It gets one more, and `judge` decides to the millisecond.
    clockTolerance: Math.ceil(clockToleranceMs / 1000) + 1,
    ...(issuer === undefined ? {} : { issuer }),
    ...(audience === undefined ? {} : { audience }),
  };
  let others: readonly CryptoKey[] = [];
  const findKey = async (header: TokenHeader): Promise<CryptoKey> => {
    const [first, ...rest] = await keys.find(header);
    if (first === undefined) throw new errors.JWKSNoMatchingKey();
    others = rest;
    return first;
  };
  try {
    return { claims: (await jwtVerify(token, findKey, checks)).payload, isFirstKey: true };
  } catch (error) {
    if (!(error instanceof errors.JWSSignatureVerificationFailed)) throw error;
    for (const key of others) {
      const verified = await jwtVerify(token, key, checks).catch(unlessWrongKey);
      if (verified !== undefined) return { claims: verified.payload, isFirstKey: false };
    }
    throw error;
  }
}

function unlessWrongKey(error: unknown): undefined {
  if (!(error instanceof errors.JWSSignatureVerificationFailed)) throw error;
}

/** The verdict on verified claims. */
function judge(
  { exp, iat = 0, nbf, sub, channels = [] }: JWTPayload,
  { clock, clockToleranceMs = 0 }: VerifierOptions,
): TokenVerdict {
  const now = clock.now();
  const expiresAt = Number(exp) * 1000 + clockToleranceMs;
  if (!(Math.abs(expiresAt) <= MAX_TIME_MS)) return refuse(REASONS.expiryOutOfRange);
  if (expiresAt <= now) return refuse(REASONS.expired);
  if (nbf !== undefined && nbf * 1000 - clockToleranceMs > now) return refuse(REASONS.notYetValid);
  if (!isName(sub)) return refuse(REASONS.badUser);
  if (!Array.isArray(channels) || !channels.every(isName)) return refuse(REASONS.badChannels);
  if (channels.length > MAX_CHANNELS) return refuse(REASONS.manyChannels);
  const issuedAt = iat * 1000;
  return { ok: true, user: sub, channels: [...new Set(channels)], expiresAt, issuedAt };
}

/** Every reason but those of {@linkcode missingClaim} and {@linkcode claimNoNumber}; `explain.ts` says more. */
export const REASONS = {
  malformed: "the token is malformed",
  algorithm: "the token's algorithm is not accepted",
  extension: "the token's header demands an extension that is not known",
  unknownKey: "the issuer publishes no usable key for the token",
  signature: "the token's signature is wrong",
  issuer: "the token is another issuer's",
  audience: "the token is for another audience",
  expired: "the token has expired",
  notYetValid: "the token is not valid yet",
  expiryOutOfRange: 'the token\'s "exp" is out of range',
  badUser: `the token's "sub" is no name: ${NAME_RULE}`,
  badChannels: `the token's "channels" are no names: ${NAME_RULE}`,
  manyChannels: `the token has more than ${MAX_CHANNELS} channels`,
} as const;

export function missingClaim(claim: string): string {
  return `the token has no "${claim}"`;
}

export function claimNoNumber(claim: string): string {
  return `the token's "${claim}" is not a number`;
}

/** Reasons with a refusal other than `invalid`. */
const REFUSALS: ReadonlyMap<string, TokenRefusal> = new Map([
  [REASONS.expired, "expired"],
  [REASONS.notYetValid, "not_yet_valid"],
  [REASONS.unknownKey, "unknown_key"],
]);

function refuse(reason: string): TokenVerdict {
  return { ok: false, refusal: REFUSALS.get(reason) ?? "invalid", reason };
}

/** The library's messages may quote the token; these do not. */
function reasonOf(error: errors.JOSEError): string {
  if (error instanceof errors.JWTExpired) return REASONS.expired;
  if (error instanceof errors.JWTClaimValidationFailed) return reasonOfClaim(error);
  switch (error.code) {
    case errors.JOSEAlgNotAllowed.code:
      return REASONS.algorithm;
    case errors.JOSENotSupported.code:
      return REASONS.extension;
    case errors.JWKSNoMatchingKey.code:
      return REASONS.unknownKey;
    case errors.JWSSignatureVerificationFailed.code:
      return REASONS.signature;
    default:
      return REASONS.malformed;
  }
}

function reasonOfClaim({ claim, reason }: errors.JWTClaimValidationFailed): string {
  if (reason === "missing") return missingClaim(claim);
  if (reason === "invalid") return claimNoNumber(claim);
  switch (claim) {
    case "iss":
      return REASONS.issuer;
    case "aud":
      return REASONS.audience;
    default:
      return REASONS.notYetValid;
  }
}
