/**
 * The errors that a client reports.
 *
 * @module
 */

import { closeName } from "../gateway/protocol/codes.ts";

/** The gateway ended the client for good: reconnecting would not help (docs/protocol.md, "Close codes"). */
export class GatewayError extends Error {
  /** Identifies the class across copies of this module. */
  override readonly name = "GatewayError";
  /**
   * The close code: 4010 if the app's backend disconnected the user, 4011 if newer connections of the user took
   * its place, 4003 if tokens were refused for more than a minute, 1009 if the token is longer than a frame may
   * be, 4001 for a bug in the client.
   */
  readonly closeCode: number;

  /** Takes the code and the reason of the gateway's close frame. */
  constructor(closeCode: number, reason: string) {
    super(`the gateway closed with ${closeCode} ${closeName(closeCode)}${reason && `: ${reason}`}`);
    this.closeCode = closeCode;
  }
}

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
