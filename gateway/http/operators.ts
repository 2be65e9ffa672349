/**
 * The routes for operators and tools: health, metrics and the two documents
 * (docs/http.md, "For operators").
 *
 * @module
 */

import { createRoute, z } from "@hono/zod-openapi";
import { json, PRIVATE, PUBLIC } from "./answer.ts";
import { createAsyncApi } from "./asyncapi.ts";
import { createOpenApi, jsonResponse, READ_FAILURES, responses, Tag } from "./openapi.ts";
import type { App, HttpOptions } from "./types.ts";
import { problem } from "./problem.ts";
import { describeWebhooks } from "./webhooks.ts";

const OK = z.object({ status: z.literal("ok") });

/** Readiness at `/health`, and liveness at `/health/live`. */
export function addHealthRoutes(
  app: App,
  { log, draining }: Pick<HttpOptions, "log" | "draining">,
): void {
  const health = createRoute({
    method: "get",
    path: "/health",
    operationId: "health",
    tags: [Tag.Operators],
    summary: "Whether the gateway can do its work",
    responses: responses({
      200: jsonResponse("It can", OK),
    }, ["draining", ...READ_FAILURES]),
  });
  app.openapi(health, async () => {
    if (draining()) return problem("draining", "The gateway is shutting down.");
    await log.check();
    return json(200, { status: "ok" });
  });
  const live = createRoute({
    method: "get",
    path: "/health/live",
    operationId: "live",
    tags: [Tag.Operators],
    summary: "Whether the process runs; also while it drains or its log fails",
    responses: responses({ 200: jsonResponse("It runs", OK) }, []),
  });
  app.openapi(live, () => json(200, { status: "ok" }));
}

export function addMetricsRoute(app: App, { metricsText }: Pick<HttpOptions, "metricsText">): void {
  const metrics = createRoute({
    method: "get",
    path: "/metrics",
    operationId: "metrics",
    tags: [Tag.Operators],
    summary: "Metrics in Prometheus's text format",
    responses: responses({
      200: {
        description: "All metrics",
        content: { "text/plain": { schema: z.string() } },
      },
    }, []),
  });
  app.openAPIRegistry.registerPath(metrics);
  app.get(metrics.path, async () => {
    const headers = { ...PRIVATE, "content-type": "text/plain; version=0.0.4; charset=utf-8" };
    return new Response(await metricsText(), { headers });
  });
}

/** Adds the documents. Call it last: they describe the routes added so far. */
export function addDocumentRoutes(app: App, { version }: Pick<HttpOptions, "version">): void {
  const documents = [
    { path: "/openapi.json", operationId: "openapi", summary: "This interface, as OpenAPI 3.1" },
    { path: "/asyncapi.json", operationId: "asyncapi", summary: "The WebSocket, as AsyncAPI 3.0" },
  ];
  for (const document of documents) {
    app.openAPIRegistry.registerPath({
      ...document,
      method: "get",
      tags: [Tag.Operators],
      responses: responses({ 200: jsonResponse("The document", z.looseObject({})) }, []),
    });
  }
  describeWebhooks(app);
  const openApi = createOpenApi(app, version);
  const asyncApi = createAsyncApi(version);
  app.get("/openapi.json", () => json(200, openApi, PUBLIC));
  app.get("/asyncapi.json", () => json(200, asyncApi, PUBLIC));
}
