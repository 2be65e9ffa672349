/**
 * Protects a development start against DNS rebinding: refuses requests whose Host is a publicly registrable
 * name (docs/http.md, "Names of a development start").
 *
 * @module
 */

import { LogThrottle } from "../log_throttle.ts";
import type { HttpOptions } from "./types.ts";
import { problem } from "./problem.ts";

/** Endings of names that cannot be registered (RFC 6761, RFC 6762, and ICANN's for private use). */
const RESERVED = /\.(?:internal|local|localhost|test)$/;

/** Tells publicly registrable names from others; `hostname` is as the URL parser writes it. */
export function isPublicName(hostname: string): boolean {
  const name = hostname.replace(/\.$/, "");
  // The parser makes everything that ends in a number an IPv4 address in four parts.
  const isAddress = name.startsWith("[") || /\.\d+$/.test(name);
  return !isAddress && name.includes(".") && !RESERVED.test(name);
}

export function createHostGuard(
  { logger, clock }: Pick<HttpOptions, "logger" | "clock">,
): (request: Request) => Response | undefined {
  const logThrottle = new LogThrottle(clock);
  /** The origin, slash included, of the last request that passed: nearly all have the same. */
  let passed: string | undefined;
  return ({ url }) => {
    if (passed !== undefined && url.startsWith(passed)) return undefined;
    const { hostname, origin } = new URL(url);
    if (!isPublicName(hostname)) {
      passed = `${origin}/`;
      return undefined;
    }
    if (logThrottle.shouldLog("host")) {
      logger.warn("a request was refused for its Host; GATEWAY_CONSOLE=on allows every name", {
        host: hostname,
      });
    }
    return problem(
      "host_not_allowed",
      `With the mock issuer the gateway does not answer as ${hostname}: a stranger's web page could ` +
        "lead such a name here. Expected an address, localhost, or another name that nobody can " +
        "register; GATEWAY_CONSOLE=on allows every name.",
    );
  };
}
