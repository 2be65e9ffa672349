/**
 * The revocations that hold on this node, in memory. Every log has such a table and stores what is in it.
 *
 * A revocation ends after a time, by which the tokens that it is about have expired. Both are told by the wall
 * clock.
 *
 * @module
 */

import type { Clock, Revocation, Revocations } from "../ports.ts";

export class RevocationTable implements Pick<Revocations, "isRevoked"> {
  readonly #clock: Clock;
  readonly #revocationMs: number;
  /** By user, in the order in which they were added. */
  readonly #issuedBefore = new Map<string, number>();

  /** @param revocationMs time for which a revocation holds */
  constructor(clock: Clock, revocationMs: number) {
    this.#clock = clock;
    this.#revocationMs = revocationMs;
  }

  /** The revocations that hold are those of tokens issued before a later time. */
  get endedAt(): number {
    return Math.floor(this.#clock.now()) - this.#revocationMs;
  }

  /** Returns `revocation`, or a later one of the same user: a clock that was set back must not undo that. */
  latest(revocation: Revocation): Revocation {
    const { user, issuedBefore } = revocation;
    const known = this.#issuedBefore.get(user) ?? issuedBefore;
    return { user, issuedBefore: Math.max(known, issuedBefore) };
  }

  /** Returns `false` if the table has this revocation, or a later one of the user. */
  add({ user, issuedBefore }: Revocation): boolean {
    const known = this.#issuedBefore.get(user);
    if (known !== undefined && known >= issuedBefore) return false;
    this.#issuedBefore.delete(user);
    this.#issuedBefore.set(user, issuedBefore);
    for (const [oldest, time] of this.#issuedBefore) {
      if (time > this.endedAt) break;
      this.#issuedBefore.delete(oldest);
    }
    return true;
  }

  isRevoked({ user, issuedAt }: Parameters<Revocations["isRevoked"]>[0]): boolean {
    const issuedBefore = this.#issuedBefore.get(user);
    return issuedBefore !== undefined && issuedAt < issuedBefore && issuedBefore > this.endedAt;
  }
}
