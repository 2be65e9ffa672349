/**
 * Reads what the gateway sends. Unknown ops and fields are ignored, because a later version may add them
 * (docs/protocol.md, "Frames"); what is no frame at all is a fault, and never an exception.
 *
 * @module
 */

import { Op } from "../gateway/protocol/codes.ts";
import type { ServerFrame } from "../gateway/protocol/frame_types.ts";
import { fieldOf, isObject } from "./realm.ts";

/** A frame, nothing that this version knows, or what is wrong. */
export type Received = ServerFrame | undefined | { readonly fault: string };

type Check = (value: unknown) => boolean;

const isText: Check = (value) => typeof value === "string";
const isTime: Check = (value) => Number.isSafeInteger(value) && Number(value) >= 0;
const optional = (check: Check): Check => (value) => value === undefined || check(value);

/** The fields of each frame, as far as the client relies on them. */
const FIELDS: Readonly<Record<ServerFrame["op"], readonly (readonly [string, Check])[]>> = {
  [Op.Hello]: [["heartbeat_interval", (value) => isTime(value) && Number(value) > 0]],
  [Op.Ready]: [
    ["user", isText],
    ["last_id", isText],
    ["resumed", optional((value) => typeof value === "boolean")],
  ],
  [Op.Message]: [
    ["id", isText],
    ["channel", optional(isText)],
    ["author", isText],
    ["content", (value) => value !== undefined],
    ["time", isTime],
  ],
  [Op.Heartbeat]: [["time", isTime]],
  [Op.HeartbeatAck]: [["time", isTime]],
};

/** Reads one WebSocket message. */
export function decodeServerFrame(data: unknown): Received {
  if (typeof data !== "string") return { fault: "expected text, got a binary message" };
  let value: unknown;
  try {
    value = JSON.parse(data);
  } catch {
    return { fault: "expected JSON" };
  }
  if (!isObject(value) || typeof fieldOf(value, "op") !== "number") {
    return { fault: "expected an object with a numeric op" };
  }
  if (!isKnown(value)) return undefined;
  for (const [field, isGood] of FIELDS[value.op]) {
    if (!isGood(Reflect.get(value, field))) {
      return { fault: `${field} of op ${value.op} is missing or wrong` };
    }
  }
  return value;
}

/** Whether it has an op that servers send; its fields are still to be looked at. */
function isKnown(value: object): value is ServerFrame {
  return Reflect.get(value, "op") in FIELDS;
}
