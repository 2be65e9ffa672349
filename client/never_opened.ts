/**
 * The error of a client that never opened a socket. Its own file, so that the types of the package, which refer to
 * `error.ts`, do not have it.
 *
 * @module
 */

/** Lists what to check if no socket ever opens: a page does not learn why. `reason` is the last attempt's. */
export function neverOpened(url: string, reason: string): Error {
  // Credentials in the URL must not reach a log.
  const shown = url.replace(/\?.*/, "").replace(/\/\/[^/]*@/, "//");
  const why = reason && ` (${reason})`;
  return new Error(
    `${shown} cannot be opened${why}: check that its path is /gateway and the gateway reachable; ` +
      "in a browser also GATEWAY_ALLOWED_ORIGINS and the page's connect-src",
  );
}
