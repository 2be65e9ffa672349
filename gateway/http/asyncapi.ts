/**
 * The AsyncAPI document of the WebSocket protocol, from the schemas of its frames and the tables of its
 * opcodes and close codes.
 *
 * @module
 */

import { z } from "@hono/zod-openapi";
import {
  CLOSE_ADVICE,
  CloseCode,
  type CloseCodeName,
  OP_INFO,
  type OpInfo,
} from "../protocol/codes.ts";
import { FRAME_SCHEMAS } from "../protocol/schemas.ts";

/** The AsyncAPI 3.0 document, as JSON. `send` and `receive` are from the gateway's point of view. */
export function createAsyncApi(version: string): unknown {
  const names = Object.keys(OP_INFO);
  const sentBy = (side: OpInfo["sender"]): unknown[] =>
    Object.entries(OP_INFO)
      .filter(([, { sender }]) => sender === side || sender === "both")
      .map(([name]) => ({ $ref: `#/channels/gateway/messages/${name}` }));
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
        "x-close-codes": Object.entries(CloseCode).map(([name, info]) => (
          { name, ...info, advice: CLOSE_ADVICE[name as CloseCodeName] }
        )),
      },
    },
    operations: {
      toClient: {
        action: "send",
        channel: { $ref: "#/channels/gateway" },
        summary: "What the gateway sends",
        messages: sentBy("server"),
      },
      fromClient: {
        action: "receive",
        channel: { $ref: "#/channels/gateway" },
        summary: "What clients send",
        messages: sentBy("client"),
      },
    },
    components: {
      messages: Object.fromEntries(
        Object.entries(OP_INFO).map(([name, { summary }]) => [name, {
          name,
          title: name,
          summary,
          payload: { $ref: `#/components/schemas/${name}` },
        }]),
      ),
      schemas: Object.fromEntries(
        Object.entries(FRAME_SCHEMAS).map(([name, schema]) => [name, payload(schema)]),
      ),
    },
  };
}

/** The JSON Schema of a frame, in AsyncAPI's dialect and without references. */
function payload(schema: z.ZodObject): unknown {
  const { $schema: _, definitions: __, ...document } = z.toJSONSchema(z.object(schema.shape), {
    target: "draft-07",
    // Unknown fields are allowed.
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
