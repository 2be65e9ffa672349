/**
 * A login issuer for development and tests: accepts any user, and signs tokens with any fault. It verifies
 * nothing and opens no port. Each object has its own keys. Never for production.
 *
 * @module
 */

import {
  base64url,
  CompactSign,
  exportJWK,
  exportSPKI,
  generateKeyPair,
  type GenerateKeyPairResult,
} from "jose";
import type { Clock, IdGenerator, Json, LoginAnswer, LoginRequest } from "../gateway/ports.ts";

export type { LoginAnswer, LoginRequest };

const JWKS_PATH = "/.well-known/jwks.json";
const DEFAULT_CHANNELS: readonly string[] = ["general"];
const DEFAULT_EXPIRES_IN_S = 3600;
/** The time since a token expired, or until it becomes valid. */
const FAULT_S = 60;

/** The faults that a token can be given, with an explanation of each. */
export const TOKEN_FAULTS = {
  expired: "expired a minute ago",
  not_yet_valid: "is valid from a minute ahead (`nbf`)",
  wrong_signature: "is signed with another key, under the published key's name",
  tampered: "had its user changed after it was signed",
  other_audience: "is for another service (`aud`)",
  other_issuer: "is from another issuer (`iss`)",
  alg_none: "is not signed",
  key_confusion: "is signed by HMAC, with the public key as the secret",
  unknown_key: "is signed with a key that is not published",
  unknown_extension: "requires an unknown extension (`crit`)",
  no_expiry: "has no `exp`",
  endless: "has an `exp` beyond the range of dates",
  no_subject: "has no `sub`",
  empty_subject: "has an empty `sub`",
  bad_channels: "has a string for `channels`",
  truncated: "lacks its signature",
} as const;

/** A key of {@linkcode TOKEN_FAULTS}. */
export type TokenFault = keyof typeof TOKEN_FAULTS;

/** A token for a test. */
export interface TokenOptions {
  /** Default: `alice`. */
  readonly user?: string;
  /** Default: `["general"]`. */
  readonly channels?: readonly string[];
  /** Seconds until it expires. Default: 3600. */
  readonly expiresInS?: number;
  /** The fault it has. Default: none. */
  readonly fault?: TokenFault;
  /** Claims to add or replace; `undefined` removes one. */
  readonly claims?: Readonly<Record<string, Json | undefined>>;
}

/** Options of {@linkcode MockIssuer.create}. */
export interface MockIssuerOptions {
  /** Sets the times in tokens. */
  readonly clock: Clock;
  /** Names its keys. */
  readonly ids: IdGenerator;
  /** Receives the promise of each token, for a clock that waits for cryptography. */
  readonly track?: <T>(promise: Promise<T>) => Promise<T>;
}

/** Claims; those that are `undefined` are not in the token. */
type Claims = Readonly<Record<string, Json | undefined>>;

interface SigningKey {
  readonly kid: string;
  readonly pair: GenerateKeyPairResult;
  readonly jwk: Readonly<Record<string, Json>>;
}

/** Issues tokens signed with Ed25519, and publishes its public keys. */
export class MockIssuer {
  /** The `iss` of its tokens. */
  readonly issuer = "https://mock.emagine.invalid";
  /** The `aud` of its tokens. */
  readonly audience = "emagine-gateway";
  /** The URL of the key set, which {@linkcode fetch} serves. It does not exist on a network. */
  readonly jwksUrl: URL = new URL(JWKS_PATH, this.issuer);

  readonly #options: MockIssuerOptions;
  /** The published keys; the first one signs. */
  #keys: readonly [SigningKey, ...SigningKey[]];

  private constructor(options: MockIssuerOptions, key: SigningKey) {
    this.#options = options;
    this.#keys = [key];
  }

  /** Makes an issuer with a new key. */
  static async create(options: MockIssuerOptions): Promise<MockIssuer> {
    return new MockIssuer(options, await newKey(options.ids));
  }

  /** Logs a user in; `undefined` if the password is `wrong`. */
  async login(request: LoginRequest): Promise<LoginAnswer | undefined> {
    const { user, password, channels, expires_in = DEFAULT_EXPIRES_IN_S } = request;
    if (password === "wrong") return undefined;
    const token = await this.token({
      user,
      expiresInS: expires_in,
      ...(channels === undefined ? {} : { channels }),
    });
    return { token, user, expires_in };
  }

  /** The published key set (RFC 7517). */
  jwks(): { readonly keys: readonly Readonly<Record<string, Json>>[] } {
    return { keys: this.#keys.map(({ jwk }) => jwk) };
  }

  /** Replaces the global `fetch`: serves {@linkcode jwksUrl}, and 404 for all else. */
  readonly fetch = (request: Request): Promise<Response> => {
    const found = new URL(request.url).pathname === JWKS_PATH;
    const response = found
      ? Response.json(this.jwks())
      : new Response("not found", { status: 404 });
    return Promise.resolve(response);
  };

  /** Signs with a new key from now on. Old keys stay published unless `retire` is set. */
  async rotate({ retire = false }: { readonly retire?: boolean } = {}): Promise<void> {
    const key = await newKey(this.#options.ids);
    this.#keys = retire ? [key] : [key, ...this.#keys];
  }

  /** Signs a token, valid or with a fault. */
  token(request: TokenOptions = {}): Promise<string> {
    const token = this.#sign(request);
    return this.#options.track?.(token) ?? token;
  }

  async #sign(request: TokenOptions): Promise<string> {
    const { fault } = request;
    if (fault !== undefined && !Object.hasOwn(TOKEN_FAULTS, fault)) {
      const known = Object.keys(TOKEN_FAULTS).join(", ");
      throw new TypeError(`token(): fault: ${fault} is unknown, expected one of ${known}`);
    }
    const claims = this.#claims(request);
    const [key] = this.#keys;
    switch (fault) {
      case "wrong_signature": {
        const stranger = await newKey(this.#options.ids);
        return await sign(claims, { ...stranger, kid: key.kid });
      }
      case "unknown_key":
        return await sign(claims, await newKey(this.#options.ids));
      case "tampered": {
        const [header, , signature] = (await sign(claims, key)).split(".");
        const [, payload] = (await sign({ ...claims, sub: `${claims["sub"]}2` }, key)).split(".");
        return `${header}.${payload}.${signature}`;
      }
      case "truncated":
        return (await sign(claims, key)).split(".").slice(0, 2).join(".");
      case "alg_none":
        return `${base64url.encode('{"alg":"none"}')}.${base64url.encode(JSON.stringify(claims))}.`;
      case "key_confusion":
        return await signByPublicKey(claims, key);
      case "unknown_extension":
        return await sign(claims, key, { crit: ["emagine"], emagine: true });
      default:
        return await sign(claims, key);
    }
  }

  #claims(request: TokenOptions): Claims {
    const { user = "alice", channels = DEFAULT_CHANNELS, fault } = request;
    const { expiresInS = DEFAULT_EXPIRES_IN_S } = request;
    const iat = Math.floor(this.#options.clock.now() / 1000);
    const good = {
      iss: this.issuer,
      aud: this.audience,
      sub: user,
      channels,
      iat,
      exp: iat + expiresInS,
    };
    return { ...good, ...faultyClaims(fault, iat), ...request.claims };
  }
}

/** The claims in which a token with `fault` differs from a valid one. */
function faultyClaims(fault: TokenFault | undefined, now: number): Claims {
  switch (fault) {
    case "expired":
      return { iat: now - 2 * FAULT_S, exp: now - FAULT_S };
    case "not_yet_valid":
      return { nbf: now + FAULT_S };
    case "other_audience":
      return { aud: "another-service" };
    case "other_issuer":
      return { iss: "https://another.invalid" };
    case "no_expiry":
      return { exp: undefined };
    case "endless":
      return { exp: 1e300 };
    case "no_subject":
      return { sub: undefined };
    case "empty_subject":
      return { sub: "" };
    case "bad_channels":
      return { channels: "general" };
    default:
      return {};
  }
}

async function newKey(ids: IdGenerator): Promise<SigningKey> {
  const pair = await generateKeyPair("EdDSA", { extractable: true });
  const kid = ids.next();
  const { kty = "", crv = "", x = "" } = await exportJWK(pair.publicKey);
  return { kid, pair, jwk: { kty, crv, x, kid, alg: "EdDSA", use: "sig" } };
}

/** Signs claims unchecked; jose's JWT builder refuses some of the faults. */
function sign(claims: Claims, { kid, pair }: SigningKey, header = {}): Promise<string> {
  return new CompactSign(new TextEncoder().encode(JSON.stringify(claims)))
    .setProtectedHeader({ alg: "EdDSA", typ: "JWT", kid, ...header })
    .sign(pair.privateKey, { crit: { emagine: true } });
}

/** Forges a token for a verifier that takes the published key for an HMAC secret. */
async function signByPublicKey(claims: Claims, { kid, pair }: SigningKey): Promise<string> {
  const pem = await exportSPKI(pair.publicKey);
  return await new CompactSign(new TextEncoder().encode(JSON.stringify(claims)))
    .setProtectedHeader({ alg: "HS256", typ: "JWT", kid })
    .sign(new TextEncoder().encode(pem));
}
