/**
 * What there is to check for who sees a client that never opens a socket: a page is not told why.
 *
 * @module
 */

/** Why no socket has opened so far, as far as `reason` of the last attempt tells, and what to check. */
export function neverOpened(url: string, reason: string): Error {
  // No secret that somebody has put where none belongs.
  const shown = url.replace(/\?.*/, "").replace(/\/\/[^/]*@/, "//");
  const why = reason === "" ? "" : ` (${reason})`;
  return new Error(
    `${shown} cannot be opened${why}: check the URL, whose path is /gateway, and that the gateway is reachable; ` +
      "in a browser also that GATEWAY_ALLOWED_ORIGINS has the page's origin, and connect-src of the page's " +
      "policy the URL. The client goes on trying.",
  );
}
