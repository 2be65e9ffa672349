/**
 * Explains close codes, from the protocol's table.
 *
 * @module
 */

import {
  CLOSE_ADVICE,
  CLOSE_WHEN,
  CloseCode,
  closeInfo,
  closeName,
} from "../gateway/protocol/codes.ts";
import { formatDuration } from "./text.ts";

const FRAME_LIMIT = "--max-frame-bytes, 4096 unless set";

export interface Explained {
  readonly code: number;
  readonly name: string;
  readonly when: string;
  /** The advice of the protocol on reconnecting. */
  readonly reconnect: string;
}

/** Codes that come from the WebSocket and not from the gateway (RFC 6455, section 7.4.1). */
const OTHERS: ReadonlyMap<number, readonly [name: string, when: string, reconnect: string]> =
  new Map([
    [1000, ["Normal", "the side that closed it was done", "as you like"]],
    [1001, ["GoingAway", "the page or the server goes away", "yes"]],
    [1005, ["NoStatus", "a close frame without a code", "yes"]],
    [
      1006,
      [
        "Abnormal",
        "no close frame came: the network, a proxy, or a side that was gone without a word",
        "yes",
      ],
    ],
  ]);

/** The end of a connection. */
export interface Ended {
  readonly code: number;
  /** The delay before the next attempt, in milliseconds; absent if there is none. */
  readonly retryInMs?: number | undefined;
  /** True if a person pastes the tokens. */
  readonly isPasted: boolean;
  /** True if the session was ready. */
  readonly wasReady: boolean;
}

/** Describes what the client does after a close, or what the user must do. */
export function afterClose({ code, retryInMs, isPasted, wasReady }: Ended): string {
  const isRefused = code === CloseCode.IdentifyFailed.code;
  if (retryInMs !== undefined) {
    const again = "resumes after the last message it received.";
    if (isRefused && isPasted) {
      return `The client waits for another token: paste one in step 1. Then it connects and ${again}`;
    }
    const newToken = isRefused ? "gets a new token, connects again" : "connects again by itself";
    return `The client waits ${formatDuration(retryInMs)}, ${newToken} and ${again}`;
  }
  switch (code) {
    case CloseCode.IdentifyFailed.code:
      return "One new token after the other was refused, so the client is over: look at the issuer, the audience and the clocks.";
    case CloseCode.Disconnected.code:
      return "The backend wanted it, so the client is over. The app decides whether to connect again.";
    case CloseCode.Replaced.code:
      return "The user has as many newer connections as one may have, so the client is over: another tab or device has taken its place.";
    case CloseCode.MessageTooBig.code:
      return wasReady
        ? `What was sent is too long for a frame (${FRAME_LIMIT}), so the client is over, for good.`
        : `The token is too long for a frame (${FRAME_LIMIT}), so the client is over: log in with fewer channels, or start the gateway with a larger limit.`;
    default:
      return "The same would happen again, so the client is over, for good. Look for the bug in it.";
  }
}

export function explainClose(code: number): Explained {
  const info = closeInfo(code);
  const known = closeName(code);
  if (info !== undefined && known !== undefined) {
    const advice = CLOSE_ADVICE[known];
    const yesOrNo = info.reconnect ? "yes" : "no";
    return {
      code,
      name: known,
      when: CLOSE_WHEN[known].replaceAll("`", ""),
      reconnect: advice === undefined ? yesOrNo : `${yesOrNo}: ${advice}`,
    };
  }
  const [name, when, reconnect] = OTHERS.get(code) ??
    ["Unknown", "a code that the protocol does not know; treated as a lost connection", "yes"];
  return { code, name, when, reconnect };
}
