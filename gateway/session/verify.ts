/**
 * Asks the verifier about a token for a connection. The answer is an event of its session.
 *
 * @module
 */

import type { Permit } from "../admission.ts";
import { OperationalError } from "../errors.ts";
import type { SessionEffect, SessionInput } from "../protocol/mod.ts";
import type { ConnectionContext } from "./connection_context.ts";

/** The connection that asks. */
export interface Asker {
  /** Its id, for the log. */
  readonly connection: string;
  readonly permit: Permit;
  readonly context: Pick<
    ConnectionContext,
    "clock" | "logger" | "logThrottle" | "metrics" | "verifier"
  >;
}

/** A refused token charges the peer's address. Rejects only with bugs. */
export async function verifyToken(
  { attempt, token }: SessionEffect & { readonly type: "verifyToken" },
  asker: Asker,
): Promise<SessionInput> {
  const { connection, permit, context: { clock, logger, logThrottle, metrics, verifier } } = asker;
  try {
    const verdict = await verifier.verify(token);
    if (!verdict.ok) {
      metrics.identifyRejected(verdict.refusal);
      permit.atFault();
      if (logThrottle.shouldLog(verdict.reason)) {
        logger.info("a token was refused", { connection, reason: verdict.reason });
      }
      return { type: "tokenRejected", attempt, reason: verdict.reason };
    }
    const { user, channels } = verdict;
    // Deadlines are in steady time, so that setting the wall clock later does not change how long
    // the token still lives.
    const expiresAt = clock.steady() + (verdict.expiresAt - clock.now());
    return { type: "tokenVerified", attempt, claims: { user, channels, expiresAt } };
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    return dependencyFailed(attempt, error, asker);
  }
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
