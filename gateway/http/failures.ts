/**
 * Answers what was thrown while a request was served: operational failures by their code, everything
 * else as a bug.
 *
 * @module
 */

import { OperationalError } from "../errors.ts";
import { LogThrottle } from "../log_throttle.ts";
import type { HttpOptions } from "./types.ts";
import { isAnswered, problem } from "./problem.ts";

/** Makes what turns an error into a response, and logs it. */
export function createFailureAnswerer(
  { logger, clock, bug }: Pick<HttpOptions, "logger" | "clock" | "bug">,
): (error: Error, request: Request) => Response {
  const logThrottle = new LogThrottle(clock);
  return (error, request) => {
    if (!(error instanceof OperationalError) || !isAnswered(error.code)) {
      bug?.();
      const path = request.url.split("?", 1)[0];
      logger.error("unhandled error while a request was served", {
        method: request.method,
        url: path,
        error,
      });
      return problem("internal_error", "Something went wrong in the gateway; its log has it.");
    }
    const { code, message } = error;
    // A backend's fault is no news, and a failure that hits every request is news once.
    if (code !== "idempotency_key_reused" && logThrottle.shouldLog(code)) {
      logger.warn("request failed", { code, error });
    }
    return problem(code, message);
  };
}
