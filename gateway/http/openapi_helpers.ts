/**
 * Describes routes for the OpenAPI document: the parts that routes share.
 *
 * @module
 */

import type { RouteConfig, z } from "@hono/zod-openapi";
import { type ProblemCode, PROBLEMS } from "./problem.ts";
import { ProblemSchema } from "./schemas.ts";

/** The responses of a route, by status. */
export type Responses = RouteConfig["responses"];

/** The tags that routes are grouped by. */
export const Tag = {
  Backend: "backend",
  Clients: "clients",
  Development: "development",
  Operators: "operators",
} as const;

/** The security of the backend's routes: a publish key. */
export const BACKEND_SECURITY: { publishKey: string[] }[] = [{ publishKey: [] }];

/** A response with a JSON body. */
export function jsonResponse(description: string, schema: z.ZodType): Responses[string] {
  return { description, content: { "application/json": { schema } } };
}

/** A JSON body that is required. */
export function jsonBody(
  schema: z.ZodType,
): { required: true; content: { "application/json": { schema: z.ZodType } } } {
  return { required: true, content: { "application/json": { schema } } };
}

/** What every route may answer with, whatever it does. */
const EVERYWHERE: readonly ProblemCode[] = ["invalid_host", "host_not_allowed", "internal_error"];

/** What a route may answer with that reads the message log. */
export const READ_PROBLEMS = ["log_unavailable", "log_closed", "log_corrupt"] as const;

/** What a route may answer with that writes to it. */
export const WRITE_PROBLEMS = [...READ_PROBLEMS, "log_overloaded"] as const;

/** The responses of a route: what it gives when all is well, and the problems it may answer with. */
export function responses(success: Responses, own: readonly ProblemCode[]): Responses {
  const codes = [...own, ...EVERYWHERE];
  const byStatus: Responses = {};
  for (const status of new Set(codes.map((code) => PROBLEMS[code].status))) {
    const lines = codes.filter((code) => PROBLEMS[code].status === status)
      .map((code) => `\`${code}\`: ${PROBLEMS[code].when}`);
    byStatus[status] = {
      description: lines.join(".\n\n"),
      content: { "application/problem+json": { schema: ProblemSchema } },
    };
  }
  return { ...success, ...byStatus };
}
