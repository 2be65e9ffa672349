/**
 * Why a client is over though the app did not close it.
 *
 * @module
 */

import { closeName } from "../gateway/protocol/codes.ts";

/** The gateway ended it for good: coming back would not help (docs/protocol.md, "Close codes"). */
export class GatewayError extends Error {
  /** By which it is known across copies of this module. */
  override readonly name = "GatewayError";
  /**
   * The close code: 4010 if the app's backend disconnected the user, 4003 if one token after the other was
   * refused for more than a minute, 1009 if the token is longer than a frame may be, 4001 for a bug in the client.
   */
  readonly closeCode: number;

  /** The gateway closed with `closeCode`, and said why in `reason`. */
  constructor(closeCode: number, reason: string) {
    const name = closeName(closeCode);
    const why = reason === "" ? "" : `: ${reason}`;
    super(`the gateway closed with ${closeCode}${name === undefined ? "" : ` ${name}`}${why}`);
    this.closeCode = closeCode;
  }
}
