/**
 * Requests to a mock gateway that rules can refuse.
 *
 * @module
 */

import type { RuleEvent } from "./rule.ts";
import { refusal } from "./refusal.ts";

export function isHandshake({ url, headers }: Request): boolean {
  return new URL(url).pathname === "/gateway" && headers.has("upgrade");
}

/** The event of a request that rules can refuse. */
export function refusable(request: Request): RuleEvent | undefined {
  const { pathname } = new URL(request.url);
  if (request.method === "POST" && pathname === "/messages") return "publish";
  return isHandshake(request) ? "handshake" : undefined;
}

/** The answer to a request that a rule refuses. */
export function refused(status: number): Response {
  const detail = "A rule of the test server refuses it.";
  return refusal({ status, code: "refused_by_rule", title: "Refused", detail });
}
