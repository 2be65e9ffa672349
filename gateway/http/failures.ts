/**
 * Answers what was thrown while a request was served: operational failures by their code, everything
 * else as a bug.
 *
 * @module
 */

import { OperationalError } from "../errors.ts";
import type { HttpOptions } from "./options.ts";
import { problem } from "./problem.ts";

/** How long the log is spared further lines about the same failure, in milliseconds. */
const QUIET_MS = 10_000;

/** Makes what turns an error into a response, and logs it. */
export function createFailureAnswerer(
  { logger, clock, bug }: Pick<HttpOptions, "logger" | "clock" | "bug">,
): (error: Error, request: Request) => Response {
  const quietUntil = new Map<string, number>();
  return (error, request) => {
    if (!(error instanceof OperationalError)) {
      bug?.();
      const path = request.url.split("?", 1)[0];
      logger.error("a bug came up while a request was served", {
        method: request.method,
        url: path,
        error,
      });
      return problem("internal_error", "Something went wrong in the gateway; its log has it.");
    }
    const { code, message } = error;
    // A backend's fault is no news, and a failure that hits every request is news once.
    if (code !== "idempotency_key_reused" && clock.steady() >= (quietUntil.get(code) ?? 0)) {
      quietUntil.set(code, clock.steady() + QUIET_MS);
      logger.warn("requests fail", { code, error });
    }
    return problem(code, message);
  };
}
