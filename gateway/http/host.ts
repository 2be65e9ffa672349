/**
 * Under which names a gateway with the mock issuer answers (docs/http.md, "Names of a development start").
 *
 * A page on the web may come from a name that its owner leads to this machine once it is loaded: to the
 * browser the gateway is then the page's own server, which no rule for other origins holds back. So it
 * is not for names that somebody could have registered for that.
 *
 * @module
 */

import { LogThrottle } from "../log_throttle.ts";
import type { HttpOptions } from "./types.ts";
import { problem } from "./problem.ts";

/** The ends of names that nobody can register (RFC 6761, RFC 6762, and ICANN's for private use). */
const RESERVED = /\.(?:internal|local|localhost|test)$/;

/** Whether `hostname`, as the URL parser gives it, is a name that a stranger can have. */
export function isPublicName(hostname: string): boolean {
  const name = hostname.replace(/\.$/, "");
  // The parser has seen to it that what ends in a number is an IPv4 address, and in four parts.
  const isAddress = name.startsWith("[") || /\.\d+$/.test(name);
  return !isAddress && name.includes(".") && !RESERVED.test(name);
}

/** Makes what refuses requests under names that a stranger can have, and tells of it. */
export function createHostGuard(
  { logger, clock }: Pick<HttpOptions, "logger" | "clock">,
): (request: Request) => Response | undefined {
  const logThrottle = new LogThrottle(clock);
  /** The origin, slash included, under which the last request passed: nearly every one comes under it. */
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
