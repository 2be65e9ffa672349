/**
 * Describes in the OpenAPI document what the gateway sends to the backend (docs/http.md, "Webhooks"). It sends
 * nothing: `webhooks/` does.
 *
 * @module
 */

import { z } from "@hono/zod-openapi";
import { Tag } from "./openapi.ts";
import type { App } from "./types.ts";

const HeadersSchema = z.object({
  "webhook-id": z.string().openapi({
    description: "Id of the event, the same in each attempt",
    example: "msg_3f0c2a9be1",
  }),
  "webhook-timestamp": z.string().regex(/^\d+$/).openapi({
    description: "Unix seconds of the attempt",
    example: "1579276740",
  }),
  "webhook-signature": z.string().openapi({
    description: "`v1,` and the Base64 of the HMAC-SHA256 of `<id>.<timestamp>.<body>`",
    example: "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=",
  }),
});

const timestamp = z.iso.datetime().openapi({ description: "When it came about" });

/** The data of `user.online` and `user.offline`. */
const StateSchema = z.object({
  user: z.string().openapi({ example: "alice" }),
  connections: z.int().min(0).openapi({
    description: "Number of ready connections when the event was made",
    example: 1,
  }),
  since: z.int().openapi({
    description: "Unix milliseconds since when the user is in this state",
    example: 1_579_276_740_336,
  }),
});

/** Every event by its type, with its meaning. */
export const WEBHOOKS = {
  "user.online": { summary: "A user has a ready connection", data: StateSchema },
  "user.offline": { summary: "A user has no connection left", data: StateSchema },
  "gateway.started": {
    summary: "A gateway has started: ask who is there",
    data: z.object({
      node: z.string().openapi({ description: "Names this start of the gateway" }),
    }),
  },
} as const;

/** The body of an event. */
export function webhookSchema(type: keyof typeof WEBHOOKS): z.ZodObject {
  return z.strictObject({ type: z.literal(type), timestamp, data: WEBHOOKS[type].data });
}

export function describeWebhooks({ openAPIRegistry }: App): void {
  for (const type of Object.keys(WEBHOOKS) as (keyof typeof WEBHOOKS)[]) {
    openAPIRegistry.registerWebhook({
      method: "post",
      path: type,
      tags: [Tag.Webhooks],
      summary: WEBHOOKS[type].summary,
      request: {
        headers: HeadersSchema,
        body: {
          required: true,
          content: { "application/json": { schema: webhookSchema(type) } },
        },
      },
      responses: {
        "2XX": { description: "Taken" },
        default: { description: "Not taken: it is sent again" },
      },
    });
  }
}
