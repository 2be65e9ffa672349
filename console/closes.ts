/**
 * What a close code means and what comes of it, in words, from the protocol's own table.
 *
 * @module
 */

import { CloseCode, type CloseCodeInfo, closeName } from "../gateway/protocol/codes.ts";

/** A close code, explained. */
export interface Explained {
  readonly code: number;
  readonly name: string;
  /** When it is used. */
  readonly when: string;
  /** Whether to connect again, as the protocol has it. */
  readonly reconnect: string;
}

const INFO: ReadonlyMap<number, CloseCodeInfo> = new Map(
  Object.values(CloseCode).map((info) => [info.code, info]),
);

/** Codes that come from the WebSocket and not from the gateway (RFC 6455, section 7.4.1). */
const OTHERS: ReadonlyMap<number, readonly [name: string, when: string, reconnect: string]> =
  new Map([
    [1000, ["Normal", "whoever closed it was done", "as you like"]],
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

/** Explains a code, whoever sent it. */
export function explainClose(code: number): Explained {
  const info = INFO.get(code);
  if (info !== undefined) {
    const { when, reconnect, advice } = info;
    const yesOrNo = reconnect ? "yes" : "no";
    return {
      code,
      name: closeName(code) ?? "",
      when: when.replaceAll("`", ""),
      reconnect: advice === undefined ? yesOrNo : `${yesOrNo}: ${advice}`,
    };
  }
  const [name, when, reconnect] = OTHERS.get(code) ??
    ["Unknown", "a code that the protocol does not know; treated as a lost connection", "yes"];
  return { code, name, when, reconnect };
}
