/**
 * The AsyncAPI document: the WebSocket protocol, from the schemas that validate its frames and the
 * tables of its numbers.
 *
 * @module
 */

import { z } from "@hono/zod-openapi";
import { CloseCode } from "../protocol/codes.ts";
import {
  HeartbeatAckSchema,
  HeartbeatSchema,
  HelloSchema,
  IdentifySchema,
  MessageSchema,
  ReadySchema,
} from "../protocol/schemas.ts";

/** A frame for the document. */
interface Frame {
  readonly schema: z.ZodObject;
  readonly summary: string;
  /** Whether the gateway sends it, clients do, or both. */
  readonly from: "gateway" | "client" | "both";
}

const FRAMES: Readonly<Record<string, Frame>> = {
  Hello: {
    schema: HelloSchema,
    summary: "At once on connect: how often heartbeats are due",
    from: "gateway",
  },
  Identify: {
    schema: IdentifySchema,
    summary: "The token that says who it is; again later to renew it",
    from: "client",
  },
  Ready: {
    schema: ReadySchema,
    summary: "The token was accepted and messages follow",
    from: "gateway",
  },
  Message: { schema: MessageSchema, summary: "One message of the app", from: "gateway" },
  Heartbeat: { schema: HeartbeatSchema, summary: "Are you there?", from: "both" },
  HeartbeatAck: {
    schema: HeartbeatAckSchema,
    summary: "Yes; with the time of the heartbeat that it answers",
    from: "both",
  },
};

/** The AsyncAPI 3.0 document, as JSON. `send` and `receive` are from the gateway's point of view. */
export function createAsyncApi(version: string): unknown {
  const names = Object.keys(FRAMES);
  const refer = (name: string): unknown => ({ $ref: `#/channels/gateway/messages/${name}` });
  const frames = (not: Frame["from"]): unknown[] =>
    Object.entries(FRAMES).filter(([, { from }]) => from !== not).map(([name]) => refer(name));
  return {
    asyncapi: "3.0.0",
    info: {
      title: "E-Magine Gateway",
      version,
      description:
        "The wire protocol, version 1: JSON text, one object in one WebSocket message, " +
        "told apart by the integer `op`. Unknown fields are ignored by both sides.",
      license: { name: "MIT" },
    },
    defaultContentType: "application/json",
    channels: {
      gateway: {
        address: "/gateway",
        description: "One WebSocket for each client",
        messages: Object.fromEntries(
          names.map((name) => [name, { $ref: `#/components/messages/${name}` }]),
        ),
        bindings: { ws: { method: "GET" } },
        // The specification has no place for close codes.
        "x-close-codes": Object.entries(CloseCode).map(([name, info]) => ({ name, ...info })),
      },
    },
    operations: {
      toClient: {
        action: "send",
        channel: { $ref: "#/channels/gateway" },
        summary: "What the gateway sends",
        messages: frames("client"),
      },
      fromClient: {
        action: "receive",
        channel: { $ref: "#/channels/gateway" },
        summary: "What clients send",
        messages: frames("gateway"),
      },
    },
    components: {
      messages: Object.fromEntries(
        Object.entries(FRAMES).map(([name, frame]) => [name, {
          name,
          title: name,
          summary: frame.summary,
          payload: { $ref: `#/components/schemas/${name}` },
        }]),
      ),
      schemas: Object.fromEntries(
        Object.entries(FRAMES).map(([name, { schema }]) => [name, payload(schema)]),
      ),
    },
  };
}

/** The JSON Schema of a frame, in the dialect that AsyncAPI takes and without references. */
function payload(schema: z.ZodObject): unknown {
  const { $schema: _, definitions: __, ...document } = z.toJSONSchema(z.object(schema.shape), {
    target: "draft-07",
    // What a reader has to expect: unknown fields are allowed.
    io: "input",
    override: ({ zodSchema, jsonSchema, path }) => {
      // Any JSON is no constraint, and the recursive schema for it would need references.
      if (path.at(-1) !== "content") return;
      const { description } = z.globalRegistry.get(zodSchema) ?? {};
      for (const key of Object.keys(jsonSchema)) Reflect.deleteProperty(jsonSchema, key);
      if (description !== undefined) jsonSchema.description = description;
    },
  });
  return document;
}
