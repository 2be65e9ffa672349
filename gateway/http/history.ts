/**
 * `GET /messages`: the history as the log has it (docs/http.md, "History").
 *
 * @module
 */

import { createRoute } from "@hono/zod-openapi";
import type { Audience, Message, MessageLog } from "../ports.ts";
import { json } from "./answer.ts";
import type { Guard } from "./publish_key.ts";
import { BACKEND_PROBLEMS, forBackend, jsonResponse, READ_FAILURES, responses } from "./openapi.ts";
import type { App } from "./types.ts";
import { problem } from "./problem.ts";
import { HistoryQueryDocument, HistoryQuerySchema, HistorySchema } from "./schemas.ts";

/** Most bytes of JSON in one page. */
const MAX_PAGE_BYTES = 4 * 1024 * 1024;

export function addHistoryRoute(
  app: App,
  { log, guard }: { readonly log: MessageLog; readonly guard: Guard },
): void {
  const { middleware, ...backend } = forBackend(guard, { hasQuery: true });
  const description = {
    ...backend,
    method: "get" as const,
    path: "/messages",
    operationId: "history",
    summary: "Read the history",
    description:
      "The messages to a channel, to a user alone, or with neither to everyone, in order. " +
      "`channel` and `user` together are refused with `invalid_query`. With `limit=0` there are no messages, " +
      "and without `after`, `last_id` is the position after everything published so far.",
    responses: responses({ 200: jsonResponse("A page of messages", HistorySchema) }, [
      ...BACKEND_PROBLEMS,
      "expired",
      ...READ_FAILURES,
    ]),
  };
  app.openAPIRegistry.registerPath({ ...description, request: { query: HistoryQueryDocument } });
  const route = createRoute({
    ...description,
    hide: true,
    middleware,
    request: { query: HistoryQuerySchema },
  });
  app.openapi(route, async (context) => {
    const { channel, user, after, limit } = context.req.valid("query");
    if (limit === 0 && after === undefined) {
      const { id } = await log.position();
      return json(200, { messages: [], more: false, last_id: id });
    }
    const page = await log.read({
      after,
      audience: audience(channel, user),
      limit: Math.max(1, limit),
      maxBytes: MAX_PAGE_BYTES,
    });
    if (page === "expired") {
      return problem(
        "expired",
        "The id in after is not one of this gateway, or something after it is no longer stored.",
      );
    }
    if (limit === 0 && page.messages.length > 0) {
      return json(200, { messages: [], more: true, last_id: after });
    }
    const messages = page.messages.map(toStored);
    return json(200, { messages, more: page.more, last_id: page.upTo.id });
  });
}

/** Exactly the messages to one audience, without others that the same user receives. */
function audience(channel: string | undefined, user: string | undefined): Audience {
  if (channel !== undefined) return { everyone: false, channels: [channel] };
  if (user !== undefined) return { everyone: false, user, channels: [] };
  return { everyone: true, channels: [] };
}

/** A message without the log's own `sequence`. */
function toStored({ sequence: _, id, ...message }: Message): Omit<Message, "sequence"> {
  return { id, ...message };
}
