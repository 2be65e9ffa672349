/**
 * Which web pages may connect: the allow-list of origins, and the log line for one that is not on it.
 *
 * @module
 */

import { LogThrottle } from "../log_throttle.ts";
import type { ConnectOptions } from "./types.ts";

/** The most of a refused origin that is logged, in characters. */
const MAX_LOGGED_LENGTH = 200;

/** Makes what tells whether a handshake with this `Origin`, if any, may go on. */
export function createOriginGuard(
  { allowedOrigins, originRefused, logger, clock }: Omit<ConnectOptions, "connect">,
): (origin: string | null) => boolean {
  const allowed = new Set(allowedOrigins);
  const logThrottle = new LogThrottle(clock);
  return (header) => {
    // Only browsers send an Origin, and only they carry somebody else's page.
    if (header === null || allowed.size === 0) return true;
    const origin = header.toLowerCase();
    if (allowed.has(origin) || allowed.has(withWildcard(origin))) return true;
    originRefused();
    if (logThrottle.shouldLog("origin")) {
      logger.warn("a handshake was refused: its Origin is not in GATEWAY_ALLOWED_ORIGINS", {
        origin: header.length > MAX_LOGGED_LENGTH
          ? `${header.slice(0, MAX_LOGGED_LENGTH)}…`
          : header,
      });
    }
    return false;
  };
}

/** The wildcard that allows `origin`: its first label is the `*`. */
function withWildcard(origin: string): string {
  return origin.replace(/^([a-z][a-z0-9+.-]*:\/\/)[a-z0-9_-]+\./, "$1*.");
}
