/**
 * Tokens of a simulated world, and who verifies them. They have the form of a JWT, so that clients can see when
 * they expire, but no real signature, since cryptography does not run on virtual time; the decision takes a
 * while, as it does when keys have to be fetched.
 *
 * @module
 */

import { OperationalError } from "../gateway/errors.ts";
import type { TokenVerdict, TokenVerifier } from "../gateway/ports.ts";
import type { FakeClock } from "../mock/doubles/clock.ts";
import type { Random } from "./random.ts";

/** What a token says. Each is used for one Identify only, so that it can be told whose verdict it is. */
export interface SimulatedToken {
  /** Counts up over the world. */
  readonly serial: number;
  readonly user: string;
  readonly channels: readonly string[];
  /** Unix milliseconds of the wall clock. */
  readonly expiresAtMs: number;
  /** Whether its signature is right. */
  readonly signed: boolean;
}

/** The text of a token, issued at `nowMs` of the wall clock. */
export function tokenText(token: SimulatedToken, nowMs: number): string {
  const claims = { ...token, iat: nowMs / 1000, exp: token.expiresAtMs / 1000 };
  // The bytes of UTF-8, since names of users need not be Latin-1, which is all that `btoa` takes.
  const bytes = String.fromCharCode(...new TextEncoder().encode(JSON.stringify(claims)));
  return `sim.${btoa(bytes)}.sim`;
}

/** What a token says. */
export function tokenOf(text: string): SimulatedToken {
  const bytes = Uint8Array.from(atob(text.split(".")[1] ?? ""), (byte) => byte.charCodeAt(0));
  return JSON.parse(new TextDecoder().decode(bytes));
}

/** What became of a verification. */
export type Verdict = TokenVerdict | "unreachable";

/** How the issuer of a world is doing. It outlives the gateway's processes. */
export interface Issuer {
  /** Whether its keys cannot be had. */
  failing: boolean;
  /** The longest that a verification takes, in milliseconds. */
  mostMs: number;
}

/** What a verifier works with. */
export interface VerifierDeps {
  readonly issuer: Issuer;
  readonly clock: FakeClock;
  readonly random: Random;
  /** Told of every verdict, at its time and before the gateway. */
  readonly decided: (serial: number, verdict: Verdict) => void;
  /** Called when promises may settle because of what the verifier did. */
  readonly markDirty: () => void;
}

/** Verifies tokens for one process. */
export class SimulatedVerifier implements TokenVerifier {
  readonly #deps: VerifierDeps;
  #dead = false;

  /** A verifier that was asked nothing yet. */
  constructor(parts: VerifierDeps) {
    this.#deps = parts;
  }

  /** The process ended: nobody is answered any more. */
  die(): void {
    this.#dead = true;
  }

  /** Decides after a while. */
  verify(text: string): Promise<TokenVerdict> {
    const { clock, random, issuer, decided, markDirty } = this.#deps;
    const token = tokenOf(text);
    const { promise, resolve, reject } = Promise.withResolvers<TokenVerdict>();
    markDirty();
    clock.setTimer(random.int(0, issuer.mostMs), () => {
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
  { signed, user, channels, expiresAtMs }: SimulatedToken,
  now: number,
): TokenVerdict {
  if (!signed) return { ok: false, refusal: "invalid", reason: "the token's signature is wrong" };
  if (expiresAtMs <= now) return { ok: false, refusal: "expired", reason: "the token has expired" };
  return { ok: true, user, channels, expiresAt: expiresAtMs };
}
