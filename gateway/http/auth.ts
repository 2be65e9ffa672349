/**
 * Who may use the backend's routes: whoever has a publish key.
 *
 * Keys are compared as digests, in a time that does not depend on them, and appear nowhere else.
 *
 * @module
 */

import { createHash, timingSafeEqual } from "node:crypto";
import { problem } from "./problem.ts";

/** Gives the response that refuses a request, or `undefined` if it carries one of the keys. */
export type Guard = (request: Request) => Response | undefined;

/** The guard that accepts `keys`. */
export function createGuard(keys: readonly string[]): Guard {
  const digests = keys.map(digest);
  return (request) => {
    const authorization = request.headers.get("authorization");
    if (authorization === null) {
      return problem(
        "unauthorized",
        "Expected the header Authorization: Bearer with the publish key.",
      );
    }
    const key = /^Bearer +([^\s]+) *$/i.exec(authorization)?.[1];
    if (key === undefined) {
      return problem("unauthorized", "The Authorization header is not Bearer and a key.");
    }
    const given = digest(key);
    let known = false;
    // Every key is compared, so that the time does not tell which one came close.
    for (const digest of digests) known = timingSafeEqual(digest, given) || known;
    return known ? undefined : problem("unauthorized", "The publish key is not the right one.");
  };
}

function digest(key: string): Uint8Array {
  return createHash("sha256").update(key).digest();
}
