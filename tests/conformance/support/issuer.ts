/**
 * The tests' own issuer: makes tokens with every fault, and serves the public keys of good ones.
 *
 * It signs with `jose` directly, so that no code of the gateway judges the gateway.
 *
 * @module
 */

import {
  type CryptoKey,
  exportJWK,
  exportSPKI,
  generateKeyPair,
  type JWTPayload,
  SignJWT,
} from "jose";

/** The issuer that the gateway under test expects. */
export const ISSUER = "https://issuer.example";
/** The audience of good tokens. */
export const AUDIENCE = "gateway";
export const SECRET = "a secret that is shared with the backend only";

const encoder = new TextEncoder();

/** Claims; an `undefined` one is omitted. */
export type Claims = Readonly<Record<string, unknown>>;

/** The key and header of a signature. */
export interface Signature {
  readonly alg: string;
  readonly kid?: string;
  readonly key: CryptoKey | Uint8Array;
}

export class Issuer implements AsyncDisposable {
  readonly jwksUrl: string;
  /** Signs tokens that must be accepted. */
  readonly good: Signature;
  /** Has the good key's `kid`, but is another key. */
  readonly forged: Signature;
  /** The good key as text, which a fooled verifier would use as an HS256 secret. */
  readonly publicPem: string;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  private constructor(
    server: Deno.HttpServer<Deno.NetAddr>,
    keys: Pick<Issuer, "good" | "forged" | "publicPem">,
  ) {
    this.#server = server;
    this.jwksUrl = `http://127.0.0.1:${server.addr.port}/jwks`;
    this.good = keys.good;
    this.forged = keys.forged;
    this.publicPem = keys.publicPem;
  }

  /** Creates keys of `alg` and serves the public one. */
  static async start(alg: "RS256" | "ES256" | "EdDSA"): Promise<Issuer> {
    const [good, other] = await Promise.all([
      generateKeyPair(alg, { extractable: true }),
      generateKeyPair(alg),
    ]);
    const kid = "key-1";
    const jwk = { ...await exportJWK(good.publicKey), kid, alg, use: "sig" };
    const server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      () => Response.json({ keys: [jwk] }),
    );
    return new Issuer(server, {
      good: { alg, kid, key: good.privateKey },
      forged: { alg, kid, key: other.privateKey },
      publicPem: await exportSPKI(good.publicKey),
    });
  }

  /** Stops serving the keys. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

/** Valid claims for an hour, except for `changes`. */
export function claims(changes: Claims = {}): Claims {
  const now = Math.floor(Date.now() / 1000);
  return {
    sub: "alice",
    channels: ["general"],
    iss: ISSUER,
    aud: AUDIENCE,
    iat: now,
    exp: now + 3600,
    ...changes,
  };
}

export async function sign(payload: Claims, { alg, kid, key }: Signature): Promise<string> {
  const header = kid === undefined ? { alg } : { alg, kid };
  // JSON omits undefined claims.
  return await new SignJWT(JSON.parse(JSON.stringify(payload)) as JWTPayload)
    .setProtectedHeader(header).sign(key);
}

export function shared(secret: string, alg = "HS256"): Signature {
  return { alg, key: encoder.encode(secret) };
}

/** A token whose header says that it has no signature. */
export function unsigned(payload: Claims, alg = "none"): string {
  return `${part({ alg, typ: "JWT" })}.${part(payload)}.`;
}

/** `token` with other claims and its old signature. */
export function tampered(token: string, payload: Claims): string {
  const [header = "", , signature = ""] = token.split(".");
  return `${header}.${part(payload)}.${signature}`;
}

function part(value: unknown): string {
  return btoa(JSON.stringify(value)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/** Seconds from now, as in `exp` and `nbf`. */
export function inSeconds(seconds: number): number {
  return Math.floor(Date.now() / 1000) + seconds;
}
