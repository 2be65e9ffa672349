/**
 * Revokes the tokens of a user: stores the revocation first, then has open connections closed. In this order, a
 * connection that is opened meanwhile is either refused or closed.
 *
 * @module
 */

import type { Clock, MessageLog, Users } from "./ports.ts";

export interface RevokeDeps {
  /** For the current second, in which the `iat` of tokens is. */
  readonly clock: Pick<Clock, "now">;
  readonly log: Pick<MessageLog, "revocations">;
  readonly users: Pick<Users, "execute">;
}

export interface Revoked {
  /** Number of connections that were closed. */
  readonly disconnected: number;
  /** Unix milliseconds: tokens that were issued before are revoked. */
  readonly issuedBefore: number;
}

/**
 * Revokes tokens with an `iat` up to the current second, and those without.
 *
 * @throws {OperationalError} when the revocation is not stored or not told to other nodes; it may hold all the same
 */
export async function revokeTokens(
  user: string,
  { clock, log, users }: RevokeDeps,
): Promise<Revoked> {
  const issuedBefore = (Math.floor(clock.now() / 1000) + 1) * 1000;
  await log.revocations.revoke({ user, issuedBefore });
  const disconnected = await users.execute({ do: "revoke", user, issuedBefore });
  return { disconnected, issuedBefore };
}
