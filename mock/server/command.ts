/**
 * A control route with a JSON body.
 *
 * @module
 */

import { createRoute, type z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { readJson, validateBody } from "../../gateway/http/input.ts";
import { TotalBodyBudget } from "../../gateway/http/body_budget.ts";
import { jsonBody, type Responses, responses } from "../../gateway/http/openapi.ts";
import type { App } from "../../gateway/http/types.ts";
import type { BodyLimits, Exchange } from "../../gateway/ports.ts";
import { ConnectionPathSchema } from "./schemas.ts";

/** A `POST` route with a JSON body. */
export interface Command<T> {
  readonly path: string;
  readonly summary: string;
  readonly schema: z.ZodType<T>;
  readonly success: Responses;
  /** The longest body. */
  readonly maxBytes?: number;
  run(body: T, context: Context<{ Bindings: Exchange }>): Promise<Response>;
}

const BODY_LIMITS: BodyLimits = {
  maxBytes: 4 * 1024 * 1024,
  timeoutMs: 30_000,
  budget: new TotalBodyBudget(),
};

/** Adds a route with a JSON body; an empty one counts as `{}`. */
export function addCommand<T>(
  app: App,
  command: Command<T>,
): void {
  const limits = { ...BODY_LIMITS, maxBytes: command.maxBytes ?? BODY_LIMITS.maxBytes };
  const route = createRoute({
    method: "post",
    path: command.path,
    summary: command.summary,
    request: {
      body: jsonBody(command.schema),
      ...command.path.includes("{") ? { params: ConnectionPathSchema } : {},
    },
    responses: responses(command.success, [
      "invalid_query",
      "invalid_json",
      "invalid_body",
      "not_found",
    ]),
  });
  app.openAPIRegistry.registerPath(route);
  app.post(route.getRoutingPath(), async (context) => {
    const { raw } = context.req;
    const empty = raw.headers.get("content-type") === null ||
      raw.headers.get("content-length") === "0";
    const body = empty ? { value: {} } : await readJson(raw, context.env, limits);
    if (body instanceof Response) return body;
    const valid = validateBody(command.schema, body.value);
    return valid instanceof Response ? valid : await command.run(valid, context);
  });
}
