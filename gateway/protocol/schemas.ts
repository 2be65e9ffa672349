/**
 * The schemas of the frames: the one source of validation and of the AsyncAPI document, each held to the
 * type in `frame_types.ts` that it describes.
 *
 * @module
 */

import { z } from "zod";
import { Op } from "./codes.ts";
import type {
  ClientFrame,
  Heartbeat,
  HeartbeatAck,
  Hello,
  Identify,
  MessageFrame,
  Ready,
} from "./frame_types.ts";

/** Unix time in milliseconds, a whole number. */
const time = z.int().nonnegative().meta({ description: "Unix time in milliseconds" });
const id = z.string().meta({
  description: "Position of a message in the one order of the deployment; opaque to clients",
  example: "c7f3a9d2-1042",
});

/** Hello: the first frame of every connection. */
export const HelloSchema = z.object({
  op: z.literal(Op.Hello),
  heartbeat_interval: z.int().positive().meta({
    description: "Milliseconds between two heartbeats of the server, and the time there is to ACK",
    example: 45_000,
  }),
}).meta({ id: "Hello" }) satisfies z.ZodType<Hello>;

/** Identify: who the client is, and where it takes up. Again while ready: renews the token. */
export const IdentifySchema = z.object({
  op: z.literal(Op.Identify),
  token: z.string().min(1).meta({ description: "The JWT that the app's backend handed out" }),
  last_id: z.string().optional().meta({
    description: "The last message id that the client has seen; asks for what it missed",
  }),
}).meta({ id: "Identify" }) satisfies z.ZodType<Identify>;

/** Ready: the token was accepted, messages follow. */
export const ReadySchema = z.object({
  op: z.literal(Op.Ready),
  user: z.string().meta({ description: "The token's `sub`" }),
  last_id: id.meta({ description: "The position at which this session begins" }),
  resumed: z.boolean().optional().meta({
    description: "Present when Identify carried a `last_id`: whether everything missed follows",
  }),
}).meta({ id: "Ready" }) satisfies z.ZodType<Ready>;

/** Message: something that the app's backend published and this user may see. */
export const MessageSchema = z.object({
  op: z.literal(Op.Message),
  id,
  channel: z.string().optional().meta({
    description: "Absent on a message to one user or to everyone",
  }),
  author: z.string(),
  content: z.json().meta({ description: "Any JSON" }),
  time,
}).meta({ id: "Message" }) satisfies z.ZodType<MessageFrame>;

/** Heartbeat, from either side. */
export const HeartbeatSchema = z.object({ op: z.literal(Op.Heartbeat), time })
  .meta({ id: "Heartbeat" }) satisfies z.ZodType<Heartbeat>;

/** Heartbeat ACK, from either side: `time` is that of the heartbeat it answers. */
export const HeartbeatAckSchema = z.object({ op: z.literal(Op.HeartbeatAck), time })
  .meta({ id: "HeartbeatAck" }) satisfies z.ZodType<HeartbeatAck>;

/** The schema of each op that a client may send. */
export const CLIENT_SCHEMAS: ReadonlyMap<number, z.ZodType<ClientFrame>> = new Map<
  number,
  z.ZodType<ClientFrame>
>([
  [Op.Identify, IdentifySchema],
  [Op.Heartbeat, HeartbeatSchema],
  [Op.HeartbeatAck, HeartbeatAckSchema],
]);
