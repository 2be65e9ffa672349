/**
 * The schemas of the frames, for validation and for the AsyncAPI document. The compiler holds each to its
 * type in `frame_types.ts`.
 *
 * @module
 */

import { z } from "zod";
import { Op, type OpName } from "./codes.ts";
import type {
  ClientFrame,
  Heartbeat,
  HeartbeatAck,
  Hello,
  Identify,
  MessageFrame,
  Ready,
  SignalFrame,
} from "./frame_types.ts";

const time = z.int().nonnegative().meta({ description: "Unix time in milliseconds" });
const id = z.string().meta({
  description: "Position of a message in the one order of the deployment; opaque to clients",
  example: "c7f3a9d2-1042",
});

const HelloSchema = z.object({
  op: z.literal(Op.Hello),
  heartbeat_interval: z.int().positive().meta({
    description: "Milliseconds between two heartbeats of the server, and the time there is to ACK",
    example: 45_000,
  }),
}).meta({ id: "Hello" }) satisfies z.ZodType<Hello>;

const IdentifySchema = z.object({
  op: z.literal(Op.Identify),
  token: z.string().min(1).meta({ description: "The JWT that the app's backend handed out" }),
  last_id: z.string().optional().meta({
    description: "The last message id that the client has seen; asks for what it missed",
  }),
  signals: z.boolean().optional().meta({
    description: "Whether this session gets signals; not unless it says so",
  }),
}).meta({ id: "Identify" }) satisfies z.ZodType<Identify>;

const ReadySchema = z.object({
  op: z.literal(Op.Ready),
  user: z.string().meta({ description: "The token's `sub`" }),
  last_id: id.meta({ description: "The position at which this session begins" }),
  resumed: z.boolean().optional().meta({
    description: "Present when Identify carried a `last_id`: whether everything missed follows",
  }),
}).meta({ id: "Ready" }) satisfies z.ZodType<Ready>;

const MessageSchema = z.object({
  op: z.literal(Op.Message),
  id,
  channel: z.string().optional().meta({
    description: "Absent on a message to one user or to everyone",
  }),
  author: z.string(),
  content: z.json().meta({ description: "Any JSON" }),
  time,
  replayed: z.boolean().optional().meta({
    description: "`true` on a message that was missed: published before this session began",
  }),
}).meta({ id: "Message" }) satisfies z.ZodType<MessageFrame>;

const SignalSchema = z.object({
  op: z.literal(Op.Signal),
  channel: z.string().optional().meta({
    description: "Absent on a signal to one user or to everyone",
  }),
  author: z.string(),
  content: z.json().meta({ description: "Any JSON" }),
  time,
}).meta({ id: "Signal" }) satisfies z.ZodType<SignalFrame>;

const HeartbeatSchema = z.object({ op: z.literal(Op.Heartbeat), time })
  .meta({ id: "Heartbeat" }) satisfies z.ZodType<Heartbeat>;

const HeartbeatAckSchema = z.object({ op: z.literal(Op.HeartbeatAck), time })
  .meta({ id: "HeartbeatAck" }) satisfies z.ZodType<HeartbeatAck>;

/** The schema of every frame by its name. */
export const FRAME_SCHEMAS: Readonly<Record<OpName, z.ZodObject>> = {
  Hello: HelloSchema,
  Identify: IdentifySchema,
  Ready: ReadySchema,
  Message: MessageSchema,
  Signal: SignalSchema,
  Heartbeat: HeartbeatSchema,
  HeartbeatAck: HeartbeatAckSchema,
};

/** The schema of each op that a client may send. */
export const CLIENT_SCHEMAS: ReadonlyMap<number, z.ZodType<ClientFrame>> = new Map<
  number,
  z.ZodType<ClientFrame>
>([
  [Op.Identify, IdentifySchema],
  [Op.Heartbeat, HeartbeatSchema],
  [Op.HeartbeatAck, HeartbeatAckSchema],
]);
