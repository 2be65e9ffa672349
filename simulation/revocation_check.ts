/**
 * Checks revocations of tokens: a session with a revoked token ends at once, none begins, and none receives what
 * was published after the answer.
 *
 * While a revocation is under way, a node may or may not have heard of it; from the command on it has, and so has
 * one that starts after the answer.
 *
 * @module
 */

import type { Revocation } from "../gateway/ports.ts";
import type { Session } from "./session.ts";
import type { Issued } from "./verifier.ts";
import type { Report } from "./violation.ts";

interface Answered extends Revocation {
  /** The last message that was submitted before the answer. */
  readonly serial: number;
}

export class RevocationCheck {
  readonly #report: Report;
  readonly #requested: Revocation[] = [];
  readonly #answered: Answered[] = [];
  /** The revocations that each process knows. */
  readonly #known = new Map<number, Revocation[]>();

  constructor(report: Report) {
    this.#report = report;
  }

  /** Process `node` is about to open its log. */
  starts(node: number): void {
    this.#known.set(node, [...this.#answered]);
  }

  requested(revocation: Revocation): void {
    this.#requested.push(revocation);
  }

  /** Unix milliseconds: a token of `user` with this `iat` is not revoked. */
  validFrom(user: string): number {
    return Math.max(
      0,
      ...this.#requested.flatMap((each) => {
        return each.user === user ? [each.issuedBefore] : [];
      }),
    );
  }

  /** The backend got its answer when `serial` was the last message that it had submitted. */
  answered(revocation: Revocation, serial: number): void {
    this.#answered.push({ ...revocation, serial });
  }

  /** `node` executes the command; `sessions` are its own. */
  executed(
    node: number,
    revocation: Revocation,
    { sessions, atMs }: { readonly sessions: readonly Session[]; readonly atMs: number },
  ): void {
    this.#known.get(node)?.push(revocation);
    for (const session of sessions) {
      const { stage, proven } = session;
      if (stage !== "open" || proven === undefined || !isRevoked(proven, revocation)) continue;
      session.must(4003, "the token was revoked", atMs);
    }
  }

  /** True if `node` must refuse the token. */
  isKnown(node: number, token: Issued): boolean {
    return this.#known.get(node)?.some((revocation) => isRevoked(token, revocation)) ?? false;
  }

  /** True if a revocation, at least under way, justifies the end of `session`. */
  excuses({ proven, identify }: Session): boolean {
    return [proven, identify?.token].some((token) =>
      token !== undefined && this.#requested.some((revocation) => isRevoked(token, revocation))
    );
  }

  /** The message with this serial arrived on `session`. */
  arrived({ proven, connection }: Session, serial: number): void {
    if (proven === undefined) return;
    for (const revocation of this.#answered) {
      if (serial <= revocation.serial || !isRevoked(proven, revocation)) continue;
      const explanation =
        `message ${serial} reached ${proven.user}, whose token was revoked before`;
      this.#report("a revoked token receives nothing more", explanation, connection);
    }
  }
}

function isRevoked({ user, issuedAt }: Issued, revocation: Revocation): boolean {
  return user === revocation.user && issuedAt < revocation.issuedBefore;
}
