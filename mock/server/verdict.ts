/**
 * The parts that the answers of chaos and of recordings share.
 *
 * @module
 */

import { z } from "@hono/zod-openapi";
import { CLIENT_RULES } from "../chaos/client_rules.ts";
import { refusal } from "../gateway/refusal.ts";
import type { VirtualClock } from "../gateway/virtual_clock.ts";

export const BrokenRuleSchema = z.object({
  rule: z.string().openapi({ description: Object.keys(CLIENT_RULES).join("; ") }),
  at: z.int(),
  elapsed_ms: z.int(),
  connection: z.string().nullable(),
  explanation: z.string(),
}).nullable().openapi({ description: "The first rule that a client broke" });

/** A client whose clock stood still has done nothing that could be judged. */
export function fellOutOfStep(): Response {
  return notInStep("The harness has left, or was closed: the log of the test server says why.");
}

interface Timed {
  readonly at: number;
}

type Elapsing = <T extends Timed>(
  what: T,
) => Omit<T, "at"> & Timed & { readonly elapsed_ms: number };

/** Adds the milliseconds since the start of `clock`. */
export function elapsing({ startMs }: VirtualClock): Elapsing {
  return ({ at, ...rest }) => ({ at, elapsed_ms: at - startMs, ...rest });
}

export function notInStep(
  detail = "No harness keeps the clock of the clients in step: /mock/clock/steps.",
): Response {
  return refusal({ status: 409, code: "not_in_step", title: "Conflict", detail });
}
