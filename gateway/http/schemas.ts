/**
 * The schemas of the HTTP interface: they validate and type requests, and describe them in OpenAPI. Bodies
 * and queries are strict, because a misspelt `channel` would make a message public.
 *
 * @module
 */

import { z } from "@hono/zod-openapi";
import type { Json } from "../ports.ts";
import { NAME, NAME_RULE, NAME_SCHEMA } from "../protocol/names.ts";

/** Deepest nesting of arrays and objects in a message's content. */
export const MAX_DEPTH = 64;

/** Most messages in one publish, and most entries in one page of a list. */
export const MAX_BATCH = 1000;

function name(description: string, example: string): z.ZodString {
  return z.string()
    .regex(NAME, `expected ${NAME_RULE}`)
    .openapi({ ...NAME_SCHEMA, description, example });
}

const CONTENT_FAULTS = {
  missing: "is missing, expected any JSON",
  deep: `is nested deeper than ${MAX_DEPTH} levels`,
  // The parser makes `1e400` infinite.
  infinite: "has a number larger than 1.8e308",
} as const;

type ContentFault = keyof typeof CONTENT_FAULTS;

const channel = name("To all who are in this channel", "general");
const user = name("To all connections of this user", "alice");

/** Any JSON. It has been parsed already; {@linkcode faultOfContent} finds the rest. */
const content = z.custom<Json>((value) => faultOfContent(value, MAX_DEPTH) === undefined, {
  error: ({ input }) => CONTENT_FAULTS[faultOfContent(input, MAX_DEPTH) ?? "missing"],
})
  .openapi({
    type: ["object", "array", "string", "number", "boolean", "null"],
    description: `Any JSON, nested at most ${MAX_DEPTH} levels deep`,
    example: { text: "hello" },
  });

export const DraftSchema = z.strictObject({
  channel: z.exactOptional(channel),
  user: z.exactOptional(user),
  author: name("Who wrote it; opaque to the gateway", "7"),
  content,
}).refine((draft) => draft.channel === undefined || draft.user === undefined, {
  error: "channel and user together, expected one of them or neither",
}).openapi("Draft", {
  description: "A message to publish to a channel, to a user, or, with neither, to everyone",
  required: ["author", "content"],
  not: { required: ["channel", "user"] },
});

export const DraftsSchema = z.array(DraftSchema).min(1).max(MAX_BATCH);

const id = z.string().openapi({
  description: "Position of the message in the total order; opaque",
  example: "c7f3a9d2-1042",
});
const time = z.int().openapi({
  description: "When the gateway accepted it, in Unix milliseconds",
  example: 1_579_276_740_336,
});

export const ReceiptSchema = z.object({ id, time }).openapi("Receipt");

export const StoredMessageSchema = z.object({
  id,
  channel: z.string().optional(),
  user: z.string().optional(),
  author: z.string(),
  content,
  time,
}).openapi("StoredMessage");

export const HistorySchema = z.object({
  messages: z.array(StoredMessageSchema),
  more: z.boolean().openapi({ description: "Whether more messages follow after `last_id`" }),
  last_id: z.string().openapi({
    description: "The page is complete up to this id; pass it as `after` to read on",
    example: "c7f3a9d2-1042",
  }),
}).openapi("History");

/** A page size in a query: digits only, because an empty text would be 0 as a number. */
function limitFrom(least: number, description: string): z.ZodDefault<z.ZodPreprocess<z.ZodInt>> {
  return z.preprocess(
    (value) => typeof value === "string" && /^\d+$/.test(value) ? Number(value) : value,
    z.int().min(least).max(MAX_BATCH),
  ).default(100).openapi({ description });
}

const AudienceQuerySchema = z.strictObject({
  channel: name("Messages to this channel; not with `user`", "general").optional(),
  user: name("Messages to this user alone; not with `channel`", "alice").optional(),
});
const PageQuerySchema = z.strictObject({
  after: z.string().min(1).optional().openapi({
    description: "Only messages after this id; default: from the oldest stored",
  }),
  limit: limitFrom(0, "Page size; 0 asks for the position only"),
});

/**
 * The query of the history for the document. Parameters cannot exclude each other, so `channel` and `user` are
 * the properties of one object, which the query has as parameters of their own (`explode`).
 */
export const HistoryQueryDocument = z.object({
  audience: AudienceQuerySchema.optional().openapi({
    not: { required: ["channel", "user"] },
    param: { style: "form", explode: true },
    description: "`channel` or `user`, not both; with neither, messages to everyone",
  }),
  ...PageQuerySchema.shape,
});

export const HistoryQuerySchema = z.strictObject({
  ...AudienceQuerySchema.shape,
  ...PageQuerySchema.shape,
}).refine((query) => query.channel === undefined || query.user === undefined, {
  error: "channel and user together, expected one of them or neither",
});

const pathUser = name("A user", "alice");
const pathChannel = name("A channel", "general");

export const UserPathSchema = z.object({ user: pathUser });

export const ChannelPathSchema = z.object({ channel: pathChannel });

export const MembershipPathSchema = z.object({ user: pathUser, channel: pathChannel });

export const UsersQuerySchema = z.strictObject({
  user: z.preprocess(
    (value) => typeof value === "string" ? [value] : value,
    z.array(pathUser).min(1).max(MAX_BATCH),
  ).openapi({ description: "The users to ask for", param: { required: true } }),
});

export const ChannelUsersQuerySchema = z.strictObject({
  after: name("Only users after this name", "alice").optional(),
  limit: limitFrom(1, "Page size"),
});

const connections = z.int().openapi({ description: "Number of ready connections", example: 2 });
const connectionsInChannel = z.int().openapi({
  description: "Number of ready connections in the channel",
  example: 3,
});

export const PresenceSchema = z.object({
  user: z.string(),
  connections,
  channels: z.array(z.string()).openapi({ description: "Channels the user is in" }),
}).openapi("Presence");

export const SessionSchema = z.object({
  id: z.string().openapi({ description: "Names the connection in the gateway's log" }),
  node: z.string().openapi({ description: "Host name and port of the gateway", example: "a:8000" }),
  transport: z.string().openapi({ example: "node" }),
  since: z.int().openapi({ description: "When it became ready, in Unix milliseconds" }),
  round_trip_ms: z.number().nullable().openapi({
    description: "How long the client took to answer the last heartbeat; null before the first",
  }),
  unsent_bytes: z.int().openapi({ description: "Bytes that the client has not read yet" }),
  replaying_after: z.string().nullable().openapi({
    description: "The id after which missed messages are being replayed; null if none are",
  }),
  sent_up_to: z.string().openapi({
    description: "Every message up to this id that the user may see was sent, unsent bytes aside",
  }),
}).openapi("Session");

export const UserSchema = PresenceSchema.extend({
  sessions: z.array(SessionSchema).openapi({
    description: "Each connection, newest first; at most 100 of each gateway",
  }),
}).openapi("User");

export const UsersPresenceSchema = z.object({
  users: z.array(PresenceSchema).openapi({ description: "In the order of the query" }),
}).openapi("UsersPresence");

export const ChannelPresenceSchema = z.object({
  channel: z.string(),
  users: z.int().openapi({ description: "Number of users in the channel", example: 2 }),
  connections: connectionsInChannel,
}).openapi("ChannelPresence");

export const ChannelUsersSchema = z.object({
  users: z.array(z.object({ user: z.string(), connections: connectionsInChannel })),
  more: z.boolean().openapi({ description: "Whether more users follow after the last one" }),
}).openapi("ChannelUsers");

export const RevokedSchema = z.object({
  disconnected: z.int().openapi({ description: "Connections that were closed", example: 1 }),
  issued_before: z.int().openapi({
    description: "Tokens that were issued before are revoked, in Unix milliseconds",
    example: 1_579_276_741_000,
  }),
}).openapi("Revoked");

export const DisconnectedSchema = z.object({ disconnected: z.int() }).openapi("Disconnected");

export const LoginSchema = z.strictObject({
  user: name("Any user", "alice"),
  password: z.string().max(1024).openapi({ description: "Anything but `wrong`" }),
  channels: z.array(name("A channel", "general")).max(100).default(["general"]),
  expires_in: z.int().min(1).max(31_536_000).default(3600).openapi({
    description: "Seconds until the token expires",
  }),
}).openapi("Login");

export const TokenSchema = z.object({
  token: z.string().openapi({ description: "JWT for Identify" }),
  user: z.string(),
  expires_in: z.int().openapi({ description: "Seconds until the token expires" }),
}).openapi("Token");

/** Problem details (RFC 9457). */
export const ProblemSchema = z.object({
  title: z.string().openapi({ description: "Reason phrase of the status", example: "Bad Request" }),
  status: z.int().openapi({ description: "HTTP status", example: 400 }),
  code: z.string().openapi({ description: "Stable code for programs", example: "invalid_body" }),
  detail: z.string().openapi({ description: "Explanation for people; may change" }),
  errors: z.array(z.object({
    pointer: z.string().optional().openapi({
      description: "JSON pointer into the body",
      example: "#/0/author",
    }),
    parameter: z.string().optional().openapi({ description: "Name of the parameter" }),
    detail: z.string(),
  })).optional(),
}).openapi("Problem");

/** Finds a fault in a content; recurses at most `levels` deep. */
function faultOfContent(value: unknown, levels: number): ContentFault | undefined {
  if (typeof value === "number") return Number.isFinite(value) ? undefined : "infinite";
  if (typeof value !== "object" || value === null) {
    return value === undefined ? "missing" : undefined;
  }
  if (levels === 0) return "deep";
  for (const inner of Object.values(value)) {
    const fault = faultOfContent(inner, levels - 1);
    if (fault !== undefined) return fault;
  }
  return undefined;
}
