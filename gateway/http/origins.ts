/**
 * Which web pages may connect: the allow-list of origins, and the log line for one that is not on it.
 *
 * @module
 */

import type { Clock, Logger } from "../ports.ts";
import { Quiet } from "../quiet.ts";

/** The most of a refused origin that is logged, in characters. */
const MAX_LOGGED_LENGTH = 200;

/** What {@linkcode createOriginGuard} works with. */
export interface OriginGuardOptions {
  /**
   * Origins from which browsers may connect, in lower case; empty allows all. In
   * `https://*.example.com` the `*` is one whole label of the host.
   */
  readonly allowedOrigins: readonly string[];
  /** Called for each handshake that was refused for its origin. */
  originRefused(): void;
  /** For the origins that are refused. */
  readonly logger: Logger;
  /** For how often they are logged. */
  readonly clock: Clock;
}

/** Makes what tells whether a handshake with this `Origin`, if any, may go on. */
export function createOriginGuard(
  { allowedOrigins, originRefused, logger, clock }: OriginGuardOptions,
): (origin: string | null) => boolean {
  const allowed = new Set(allowedOrigins);
  const quiet = new Quiet(clock);
  return (header) => {
    // Only browsers send an Origin, and only they carry somebody else's page.
    if (header === null || allowed.size === 0) return true;
    const origin = header.toLowerCase();
    if (allowed.has(origin) || allowed.has(withWildcard(origin))) return true;
    originRefused();
    if (quiet.allows("origin")) {
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
