/**
 * The frames of the wire protocol: schemas, types, `decode` for what clients send and `encode` for what
 * the server sends (docs/protocol.md, "Frames").
 *
 * The schemas are the one source of validation, of the types and of the AsyncAPI document. Input from a
 * peer never throws here: a fault is a value that says which close code it deserves.
 *
 * @module
 */

import { z } from "zod";
import { CloseCode, Op, opName } from "./codes.ts";

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
}).meta({ id: "Hello" });

/** Identify: who the client is, and where it takes up. Again while ready: renews the token. */
export const IdentifySchema = z.object({
  op: z.literal(Op.Identify),
  token: z.string().min(1).meta({ description: "The JWT that the app's backend handed out" }),
  last_id: z.string().optional().meta({
    description: "The last message id that the client has seen; asks for what it missed",
  }),
}).meta({ id: "Identify" });

/** Ready: the token was accepted, messages follow. */
export const ReadySchema = z.object({
  op: z.literal(Op.Ready),
  user: z.string().meta({ description: "The token's `sub`" }),
  last_id: id.meta({ description: "The position at which this session begins" }),
  resumed: z.boolean().optional().meta({
    description: "Present when Identify carried a `last_id`: whether everything missed follows",
  }),
}).meta({ id: "Ready" });

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
}).meta({ id: "Message" });

/** Heartbeat, from either side. */
export const HeartbeatSchema = z.object({ op: z.literal(Op.Heartbeat), time })
  .meta({ id: "Heartbeat" });

/** Heartbeat ACK, from either side: `time` is that of the heartbeat it answers. */
export const HeartbeatAckSchema = z.object({ op: z.literal(Op.HeartbeatAck), time })
  .meta({ id: "HeartbeatAck" });

/** A frame that a client sends. */
export type ClientFrame =
  | z.infer<typeof IdentifySchema>
  | z.infer<typeof HeartbeatSchema>
  | z.infer<typeof HeartbeatAckSchema>;

/** A Message frame. */
export type MessageFrame = z.infer<typeof MessageSchema>;

/** A frame that the server sends. */
export type ServerFrame =
  | z.infer<typeof HelloSchema>
  | z.infer<typeof ReadySchema>
  | MessageFrame
  | z.infer<typeof HeartbeatSchema>
  | z.infer<typeof HeartbeatAckSchema>;

/** What {@linkcode decode} makes of what a peer sent: a frame, or the close code that it deserves. */
export type Decoded =
  | { readonly ok: true; readonly frame: ClientFrame }
  | {
    readonly ok: false;
    readonly code: typeof CloseCode.Malformed.code | typeof CloseCode.MessageTooBig.code;
    /** What was wrong and what was expected; at most 123 bytes, so that it fits a close frame. */
    readonly reason: string;
  };

/** The schema of each op that a client may send. */
const CLIENT_SCHEMAS: ReadonlyMap<number, z.ZodType<ClientFrame>> = new Map<
  number,
  z.ZodType<ClientFrame>
>([
  [Op.Identify, IdentifySchema],
  [Op.Heartbeat, HeartbeatSchema],
  [Op.HeartbeatAck, HeartbeatAckSchema],
]);

/**
 * Reads one WebSocket message of a client (docs/protocol.md, "Frames" and "Malformed frames").
 *
 * @param data the text of the message, or its bytes when it was a binary one
 * @param maxFrameBytes longest frame accepted, in bytes of UTF-8
 */
export function decode(data: string | Uint8Array, maxFrameBytes: number): Decoded {
  const bytes = typeof data === "string" ? utf8Length(data, maxFrameBytes) : data.byteLength;
  if (bytes > maxFrameBytes) {
    return {
      ok: false,
      code: CloseCode.MessageTooBig.code,
      reason: `frame is longer than ${maxFrameBytes} bytes`,
    };
  }
  if (typeof data !== "string") return malformed("binary frame, expected JSON text");
  let value: unknown;
  try {
    value = JSON.parse(data);
  } catch {
    return malformed("not JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return malformed("not a JSON object");
  }
  // `hasOwn`, because a peer chooses the keys: "op" must be the frame's own, not a prototype's.
  const op: unknown = Object.hasOwn(value, "op") ? Reflect.get(value, "op") : undefined;
  if (typeof op !== "number") {
    return malformed(op === undefined ? "op is missing" : "op is not a number");
  }
  const schema = CLIENT_SCHEMAS.get(op);
  if (schema === undefined) {
    const name = opName(op);
    return malformed(
      name === undefined ? "unknown op" : `op ${op} (${name}) is not for clients to send`,
    );
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return { ok: true, frame: parsed.data };
  const issue = parsed.error.issues[0];
  const field = String(issue?.path[0] ?? "frame");
  return malformed(`${field}: ${issue?.message ?? "invalid"}`);
}

/** The text of a frame that the server sends. */
export function encode(frame: ServerFrame): string {
  return JSON.stringify(frame);
}

function malformed(reason: string): Decoded {
  return { ok: false, code: CloseCode.Malformed.code, reason: reason.slice(0, 120) };
}

/** Bytes of `text` in UTF-8, counted only as far as it takes to know that they exceed `limit`. */
function utf8Length(text: string, limit: number): number {
  if (text.length > limit) return text.length;
  if (text.length * 3 <= limit) return text.length;
  let bytes = 0;
  for (const character of text) {
    const point = character.codePointAt(0) ?? 0;
    bytes += point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
  }
  return bytes;
}
