/**
 * Answers requests that reach no route: the path or the query cannot be decoded, the path is unknown, or the
 * route has no such method.
 *
 * @module
 */

import { problem } from "./problem.ts";
import type { App } from "./types.ts";

/** Methods that a route can have, HEAD aside, which every GET has. */
const METHODS = ["DELETE", "GET", "OPTIONS", "POST", "PUT"];

/** No handler took the request: the path is unknown, or it is known and the method is not. */
export function answerUnrouted(app: App, path: string): Response {
  // Middleware is there for all methods, and no route.
  const allowed = METHODS.filter((method) =>
    app.router.match(method, path)[0].some(([[, route]]) => route.method === method)
  );
  if (allowed.length === 0) return problem("not_found", "There is no such route.");
  if (allowed.includes("GET")) allowed.push("HEAD");
  const allow = allowed.sort().join(", ");
  return problem("method_not_allowed", `This route takes ${allow}.`, { headers: { allow } });
}

/** Returns the problem of a `url` that cannot be decoded; the router would leave it encoded. */
export function refuseEncoding(url: string): Response | undefined {
  if (!url.includes("%")) return undefined;
  const queryAt = url.indexOf("?");
  const path = queryAt < 0 ? url : url.slice(0, queryAt);
  if (!isWellEncoded(path)) {
    return problem("invalid_path", "The path is not percent-encoded UTF-8.");
  }
  return isWellEncoded(url.slice(path.length))
    ? undefined
    : problem("invalid_query", "The query is not percent-encoded UTF-8.");
}

function isWellEncoded(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}
