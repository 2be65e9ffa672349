/**
 * Decodes the gateway's frames. Ignores unknown ops and fields, because a later version
 * may add them (docs/protocol.md, "Frames"). Invalid input is returned as a fault; nothing throws.
 *
 * @module
 */

import { Op } from "../gateway/protocol/codes.ts";
import type { ServerFrame } from "../gateway/protocol/frame_types.ts";
import type { Json } from "../gateway/protocol/json_type.ts";
import { fieldOf } from "./realm.ts";

/** A frame, `undefined` for an unknown op, or a fault. */
export type Received = ServerFrame | undefined | { readonly fault: string };

type Check = (value: unknown) => boolean;

const isText: Check = (value) => typeof value === "string";
const isTime: Check = (value) => Number.isSafeInteger(value) && Number(value) >= 0;
const isFlag: Check = (value) => typeof value === "boolean";
const optional = (check: Check): Check => (value) => value === undefined || check(value);

/** The fields that Message and Signal share. */
const PUBLISHED: Readonly<Record<string, Check>> = {
  channel: optional(isText),
  author: isText,
  content: (value) => value !== undefined,
  time: isTime,
};

/** The fields that the client relies on. */
const FIELDS: Readonly<Record<ServerFrame["op"], Readonly<Record<string, Check>>>> = {
  [Op.Hello]: { heartbeat_interval: (value) => isTime(value) && Number(value) > 0 },
  [Op.Ready]: {
    user: isText,
    last_id: isText,
    resumed: optional(isFlag),
  },
  [Op.Message]: { id: isText, ...PUBLISHED, replayed: optional(isFlag) },
  [Op.Signal]: PUBLISHED,
  [Op.Heartbeat]: { time: isTime },
  [Op.HeartbeatAck]: { time: isTime },
};

/** Returns `undefined` for what is no JSON. */
export function parseFrame(data: unknown): Json | undefined {
  try {
    return JSON.parse(typeof data === "string" ? data : "");
  } catch {
    return undefined;
  }
}

export function decodeServerFrame(value: Json | undefined): Received {
  if (value === undefined) return { fault: "expected JSON" };
  if (typeof fieldOf(value, "op") !== "number") return { fault: "expected a numeric op" };
  if (!isKnown(value)) return undefined;
  for (const [field, isGood] of Object.entries(FIELDS[value.op])) {
    if (!isGood(Reflect.get(value, field))) {
      return { fault: `${field} of op ${value.op} is missing or wrong` };
    }
  }
  return value;
}

/** True if `value` has an op that servers send; its fields are not checked. */
function isKnown(value: unknown): value is ServerFrame {
  return Number(fieldOf(value, "op")) in FIELDS;
}
