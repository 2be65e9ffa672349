/**
 * Asks the verifier about a token for a connection. The answer is an event of its session.
 *
 * @module
 */

import type { Permit } from "../admission.ts";
import { OperationalError } from "../errors.ts";
import type { TokenVerdict } from "../ports.ts";
import { CloseCauses } from "../protocol/codes.ts";
import type { SessionEffect, SessionInput } from "../protocol/mod.ts";
import type { ConnectionContext } from "./connection_context.ts";

/** The connection that asks. */
export interface Asker {
  /** Its id, for the log. */
  readonly connection: string;
  readonly permit: Permit;
  readonly context: Pick<
    ConnectionContext,
    "clock" | "log" | "logger" | "logThrottle" | "metrics" | "verifier"
  >;
}

/** A refused token charges the peer's address. Rejects only with bugs. */
export async function verifyToken(
  { attempt, token }: SessionEffect & { readonly type: "verifyToken" },
  asker: Asker,
): Promise<SessionInput> {
  const { clock, verifier } = asker.context;
  try {
    const verdict = await verifier.verify(token);
    if (!verdict.ok) return refused(attempt, verdict, asker);
    const { user, channels, issuedAt } = verdict;
    // Deadlines are in steady time, so that setting the wall clock later does not change how long
    // the token still lives.
    const expiresAt = clock.steady() + (verdict.expiresAt - clock.now());
    return { type: "tokenVerified", attempt, claims: { user, channels, expiresAt, issuedAt } };
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    return dependencyFailed(attempt, error, asker);
  }
}

/**
 * Replaces `outcome` if the token was revoked. Call it in the turn in which the session gets the outcome: a
 * revocation that comes later is an event of the session.
 */
export function unlessRevoked(outcome: SessionInput, asker: Asker): SessionInput {
  if (outcome.type !== "tokenVerified") return outcome;
  const { attempt, claims } = outcome;
  if (!asker.context.log.revocations.isRevoked(claims)) return outcome;
  return refused(attempt, { refusal: "revoked", reason: CloseCauses.revoked.reason }, asker);
}

function refused(
  attempt: number,
  { refusal, reason }: Pick<TokenVerdict & { readonly ok: false }, "refusal" | "reason">,
  { connection, permit, context: { logger, logThrottle, metrics } }: Asker,
): SessionInput {
  metrics.identifyRejected(refusal);
  permit.atFault();
  if (logThrottle.shouldLog(reason)) logger.info("a token was refused", { connection, reason });
  return { type: "tokenRejected", attempt, reason };
}

/** The verifier or the log could not answer. */
export function dependencyFailed(
  attempt: number,
  error: OperationalError,
  { connection, context: { logger, logThrottle } }: Asker,
): SessionInput {
  if (logThrottle.shouldLog(error.code)) {
    logger.warn("clients cannot be identified", { connection, error });
  }
  return { type: "dependencyFailed", attempt };
}
