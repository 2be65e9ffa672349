/**
 * A login issuer for development and tests: anybody may log in, and every way in which a token can be
 * bad is to be had.
 *
 * It owns its keys and makes tokens; it verifies none, and opens no port. Its keys live as long as the
 * object: a token of an earlier one is refused. Never for production.
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

/** Where the issuer publishes its keys. */
const JWKS_PATH = "/.well-known/jwks.json";
const DEFAULT_CHANNELS: readonly string[] = ["general"];
const DEFAULT_EXPIRES_IN_S = 3600;
/** How far tokens that are expired or not valid yet are from being valid. */
const FAULT_S = 60;

/** Each fault that a token can be made with, and what is wrong with such a token. */
export const TOKEN_FAULTS = {
  expired: "its exp passed a minute ago",
  not_yet_valid: "its nbf is a minute ahead",
  wrong_signature: "another key signed it, under the published key's name",
  tampered: "its user was changed after it was signed",
  other_audience: "it is for another service",
  other_issuer: "its iss is another issuer",
  alg_none: "it is not signed at all",
  key_confusion: "its signature is an HMAC under the published key",
  unknown_key: "it is signed with a key that is not published",
  unknown_extension: "its header demands an extension that nobody knows",
  no_expiry: "it has no exp",
  endless: "its exp is no time that a clock can show",
  no_subject: "it has no sub",
  empty_subject: "its sub is empty",
  bad_channels: "its channels are a string",
  truncated: "its signature is missing",
} as const;

/** The name of a fault. */
export type TokenFault = keyof typeof TOKEN_FAULTS;

/** A token to be made for a test. */
export interface TokenOptions {
  /** `alice` unless told. */
  readonly user?: string;
  /** `["general"]` unless told. */
  readonly channels?: readonly string[];
  /** Seconds until it expires; 3600 unless told. */
  readonly expiresInS?: number;
  /** What is wrong with it; a good token when left out. */
  readonly fault?: TokenFault;
  /** Claims over and above (or in place of) the usual ones; `undefined` leaves one out. */
  readonly claims?: Readonly<Record<string, Json | undefined>>;
}

/** What a {@linkcode MockIssuer} works with. */
export interface MockIssuerOptions {
  /** The time of its tokens. */
  readonly clock: Clock;
  /** Names its keys. */
  readonly ids: IdGenerator;
}

/** Claims of any kind: what is `undefined` is not in the token. */
type Claims = Readonly<Record<string, Json | undefined>>;

interface SigningKey {
  readonly kid: string;
  readonly pair: GenerateKeyPairResult;
  readonly jwk: Readonly<Record<string, Json>>;
}

/** Issues tokens signed with Ed25519, and publishes the keys to verify them by. */
export class MockIssuer {
  /** The `iss` of its tokens. */
  readonly issuer = "https://mock.emagine.invalid";
  /** The `aud` of its tokens. */
  readonly audience = "emagine-gateway";
  /** Where {@linkcode fetch} serves the key set. Nothing on a network does. */
  readonly jwksUrl: URL = new URL(JWKS_PATH, this.issuer);

  readonly #options: MockIssuerOptions;
  /** The published keys, the one that signs first. */
  #keys: readonly [SigningKey, ...SigningKey[]];

  private constructor(options: MockIssuerOptions, key: SigningKey) {
    this.#options = options;
    this.#keys = [key];
  }

  /** Makes an issuer with a new key. */
  static async create(options: MockIssuerOptions): Promise<MockIssuer> {
    return new MockIssuer(options, await newKey(options.ids));
  }

  /** Logs a user in; `undefined` when the password is `wrong`. */
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

  /** The key set, as the issuer publishes it (RFC 7517). */
  jwks(): { readonly keys: readonly Readonly<Record<string, Json>>[] } {
    return { keys: this.#keys.map(({ jwk }) => jwk) };
  }

  /** Stands in for the global `fetch`: answers for {@linkcode jwksUrl}, and 404 for all else. */
  readonly fetch = (request: Request): Promise<Response> => {
    const found = new URL(request.url).pathname === JWKS_PATH;
    const response = found
      ? Response.json(this.jwks())
      : new Response("not found", { status: 404 });
    return Promise.resolve(response);
  };

  /** Signs with a new key from now on. The old ones stay published, unless `retire` is set. */
  async rotate({ retire = false }: { readonly retire?: boolean } = {}): Promise<void> {
    const key = await newKey(this.#options.ids);
    this.#keys = retire ? [key] : [key, ...this.#keys];
  }

  /** A token: good, or bad in the one way that is asked for. */
  async token(request: TokenOptions = {}): Promise<string> {
    const claims = this.#claims(request);
    const [key] = this.#keys;
    switch (request.fault) {
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

/** The claims in which a token with `fault` differs from a good one. */
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

/** Signs the claims as they are: the library's own JWT builder would refuse some of the faults. */
function sign(claims: Claims, { kid, pair }: SigningKey, header = {}): Promise<string> {
  return new CompactSign(new TextEncoder().encode(JSON.stringify(claims)))
    .setProtectedHeader({ alg: "EdDSA", typ: "JWT", kid, ...header })
    .sign(pair.privateKey, { crit: { emagine: true } });
}

/** What an attacker makes who knows the published key and hopes that it is taken for a secret. */
async function signByPublicKey(claims: Claims, { kid, pair }: SigningKey): Promise<string> {
  const pem = await exportSPKI(pair.publicKey);
  return await new CompactSign(new TextEncoder().encode(JSON.stringify(claims)))
    .setProtectedHeader({ alg: "HS256", typ: "JWT", kid })
    .sign(new TextEncoder().encode(pem));
}
