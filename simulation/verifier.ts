/**
 * Simulates tokens and their verification. Tokens have the form of a JWT, so that clients can read
 * their expiry, but no real signature: cryptography does not run on virtual time. Verification
 * takes time, as fetching keys does.
 *
 * @module
 */

import { OperationalError } from "../gateway/errors.ts";
import type { TokenVerdict, TokenVerifier } from "../gateway/ports.ts";
import type { FakeClock } from "../mock/doubles/clock.ts";
import type { Random } from "../mock/chaos/random.ts";

/**
 * The content of a token. Each is used for one Identify, so that a verdict can be matched to it.
 */
export interface SimulatedToken {
  /** Unique in the world. */
  readonly serial: number;
  readonly user: string;
  readonly channels: readonly string[];
  /** Unix milliseconds. */
  readonly expiresAtMs: number;
  /** The `iat` in whole seconds, as Unix milliseconds; 0 for a token without. */
  readonly issuedAt: number;
  /** The signature is valid. */
  readonly signed: boolean;
}

/** The claims by which a token is revoked. */
export type Issued = Pick<SimulatedToken, "user" | "issuedAt">;

/** Encodes a token whose client is to think that it was issued at `nowMs`, in Unix milliseconds. */
export function tokenText(token: SimulatedToken, nowMs: number): string {
  const claims = { ...token, iat: nowMs / 1000, exp: token.expiresAtMs / 1000 };
  // UTF-8, since user names need not be Latin-1, which is all that `btoa` accepts.
  const bytes = String.fromCharCode(...new TextEncoder().encode(JSON.stringify(claims)));
  return `sim.${btoa(bytes)}.sim`;
}

export function tokenOf(text: string): SimulatedToken {
  const bytes = Uint8Array.from(atob(text.split(".")[1] ?? ""), (byte) => byte.charCodeAt(0));
  return JSON.parse(new TextDecoder().decode(bytes));
}

/** Result of a verification. */
export type Verdict = TokenVerdict | "unreachable";

/** State of a world's issuer. Outlives the gateway's processes. */
export interface Issuer {
  /** The keys cannot be fetched. */
  failing: boolean;
  /** Maximum duration of a verification, in milliseconds. */
  maxMs: number;
  /** Some tokens are old or have no `iat`, so that a revocation refuses them although they are new. */
  careless: boolean;
}

export interface VerifierDeps {
  readonly issuer: Issuer;
  readonly clock: FakeClock;
  readonly random: Random;
  /** Called with every verdict, before the gateway receives it. */
  readonly decided: (serial: number, verdict: Verdict) => void;
  /** Called when promises may settle because of the verifier. */
  readonly markDirty: () => void;
}

export class SimulatedVerifier implements TokenVerifier {
  readonly #deps: VerifierDeps;
  #dead = false;

  constructor(deps: VerifierDeps) {
    this.#deps = deps;
  }

  /** Drops pending verifications, as the end of the process does. */
  die(): void {
    this.#dead = true;
  }

  verify(text: string): Promise<TokenVerdict> {
    const { clock, random, issuer, decided, markDirty } = this.#deps;
    const token = tokenOf(text);
    const { promise, resolve, reject } = Promise.withResolvers<TokenVerdict>();
    markDirty();
    clock.setTimer(random.int(0, issuer.maxMs), () => {
      if (this.#dead) return;
      markDirty();
      const verdict = issuer.failing ? "unreachable" : decide(token, clock.now());
      decided(token.serial, verdict);
      if (verdict === "unreachable") reject(new OperationalError("issuer_unreachable", "no keys"));
      else resolve(verdict);
    });
    return promise;
  }
}

function decide(
  { signed, user, channels, expiresAtMs, issuedAt }: SimulatedToken,
  now: number,
): TokenVerdict {
  if (!signed) return { ok: false, refusal: "invalid", reason: "the token's signature is wrong" };
  if (expiresAtMs <= now) return { ok: false, refusal: "expired", reason: "the token has expired" };
  return { ok: true, user, channels, expiresAt: expiresAtMs, issuedAt };
}
