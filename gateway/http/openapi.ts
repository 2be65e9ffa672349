/**
 * The OpenAPI document, and the parts of it that routes share: responses, problems, security.
 *
 * @module
 */

import type { RouteConfig, z } from "@hono/zod-openapi";
import type { MiddlewareHandler } from "hono";
import type { RequestFailureCode } from "../errors.ts";
import { refuseQuery } from "./input.ts";
import { type ProblemCode, PROBLEMS } from "./problem.ts";
import type { Guard } from "./publish_key.ts";
import { ProblemSchema } from "./schemas.ts";
import type { App } from "./types.ts";

export type Responses = RouteConfig["responses"];

export const Tag = {
  Backend: "backend",
  Clients: "clients",
  Development: "development",
  Operators: "operators",
  Webhooks: "webhooks",
} as const;

export const BACKEND_SECURITY: { publishKey: string[] }[] = [{ publishKey: [] }];

/**
 * The part that routes of the backend share: their tag, and the publish key, documented and required. Those that
 * declare no query take none.
 */
export function forBackend(guard: Guard, { hasQuery = false } = {}): {
  readonly tags: string[];
  readonly security: typeof BACKEND_SECURITY;
  readonly middleware: MiddlewareHandler;
} {
  return {
    tags: [Tag.Backend],
    security: BACKEND_SECURITY,
    middleware: async ({ req: { raw } }, next) =>
      guard(raw) ?? (hasQuery ? undefined : refuseQuery(raw.url)) ?? await next(),
  };
}

export function jsonResponse(description: string, schema: z.ZodType): Responses[string] {
  return { description, content: { "application/json": { schema } } };
}

export function jsonBody(
  schema: z.ZodType,
): { required: true; content: { "application/json": { schema: z.ZodType } } } {
  return { required: true, content: { "application/json": { schema } } };
}

/** Problems of every route. */
const EVERYWHERE: readonly ProblemCode[] = ["invalid_host", "host_not_allowed", "internal_error"];

/** Problems of a route of the backend without a body. */
export const BACKEND_PROBLEMS = [
  "invalid_query",
  "unauthorized",
] as const satisfies readonly ProblemCode[];

/** Problems of a route with a JSON body. */
export const BODY_PROBLEMS = [
  "invalid_query",
  "invalid_json",
  "invalid_body",
  "incomplete_body",
  "request_timeout",
  "body_too_large",
  "bodies_overloaded",
  "unsupported_media_type",
] as const satisfies readonly ProblemCode[];

/** Failures of a route that reads the message log. */
export const READ_FAILURES = [
  "log_unavailable",
  "log_closed",
  "log_corrupt",
] as const satisfies readonly RequestFailureCode[];

/** Failures of a route that writes to it. */
export const WRITE_FAILURES = [
  ...READ_FAILURES,
  "log_overloaded",
] as const satisfies readonly RequestFailureCode[];

/** Failures of a route that publishes. */
export const PUBLISH_FAILURES = [
  ...WRITE_FAILURES,
  "publish_too_large",
  "idempotency_key_reused",
] as const satisfies readonly RequestFailureCode[];

/** The responses of a route: on success, and the problems of its `own`. */
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

/** The OpenAPI 3.1 document of the routes that `app` has by now. */
export function createOpenApi(app: App, version: string): unknown {
  app.openAPIRegistry.registerComponent("securitySchemes", "publishKey", {
    type: "http",
    scheme: "bearer",
    description: "The publish key, which the gateway shares with the app's backend",
  });
  return app.getOpenAPI31Document({
    openapi: "3.1.0",
    info: {
      title: "E-Magine Gateway",
      version,
      description: "A realtime gateway for chat and collaboration apps: publish over HTTP, " +
        "receive over WebSocket. Errors are problem details (RFC 9457) with a stable `code`.",
      license: { name: "MIT" },
    },
    // Relative to where the document is, which a proxy may serve under a prefix.
    servers: [{ url: "." }],
    tags: [
      { name: Tag.Backend, description: "For the app's backend, with the publish key" },
      { name: Tag.Clients, description: "For browsers and phones" },
      { name: Tag.Development, description: "The mock issuer; absent with a real one" },
      { name: Tag.Operators, description: "For operators and tools" },
      { name: Tag.Webhooks, description: "Sent to the app's backend, at `GATEWAY_WEBHOOK_URL`" },
    ],
  });
}
