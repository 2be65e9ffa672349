/**
 * Turns an error that a route threw into a problem: an operational failure by its code, any other as a bug.
 *
 * @module
 */

import { OperationalError } from "../errors.ts";
import { LogThrottle } from "../log_throttle.ts";
import type { HttpOptions } from "./types.ts";
import { isRequestFailure, problem } from "./problem.ts";

export function createFailureAnswerer(
  { logger, clock, bug }: Pick<HttpOptions, "logger" | "clock" | "bug">,
): (error: Error, request: Request) => Response {
  const logThrottle = new LogThrottle(clock);
  return (error, request) => {
    if (!(error instanceof OperationalError) || !isRequestFailure(error.code)) {
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
    // A backend's fault is not logged; a failure that hits every request is logged rarely.
    if (code !== "idempotency_key_reused" && logThrottle.shouldLog(code)) {
      logger.warn("request failed", { code, error });
    }
    return problem(code, message);
  };
}
