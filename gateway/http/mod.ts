/**
 * The HTTP interface: every route of the gateway behind one function (docs/http.md). Puts the routes
 * together, and answers unknown routes and methods, failures and bugs. Opens no port: a transport calls it.
 *
 * @module
 */

import { OpenAPIHono } from "@hono/zod-openapi";
import { createGuard } from "./publish_key.ts";
import { addConsoleRoutes } from "./console.ts";
import { MAX_BODY_BYTES, TotalBodyBudget } from "./body_budget.ts";
import { createFailureAnswerer } from "./failures.ts";
import { addGatewayRoute } from "./handshake.ts";
import { addHistoryRoute } from "./history.ts";
import { createHostGuard } from "./host.ts";
import { addLoginRoutes } from "./login.ts";
import { addDocumentRoutes, addHealthRoutes, addMetricsRoute } from "./operators.ts";
import type { App, HttpOptions } from "./types.ts";
import { addPresenceRoutes } from "./presence.ts";
import { addPublishRoute, addSignalRoute } from "./publish.ts";
import { addTokenRoutes } from "./tokens.ts";
import { answerUnrouted, refuseEncoding } from "./unrouted.ts";
import { addUserRoutes } from "./users.ts";
import { invalidParameters } from "./input.ts";
import type { BodyLimits, Exchange, RequestHandler } from "../ports.ts";

export type { ConsoleOptions, HttpOptions, LoginIssuer } from "./types.ts";

const BODY_TIMEOUT_MS = 30_000;

export type Routes =
  /** All of them. */
  | "all"
  /** Those for clients, and health. */
  | "clients"
  /** Those for backends and operators, and the console. */
  | "api";

export function createHttp(options: HttpOptions, routes: Routes = "all"): RequestHandler {
  const limits = {
    maxBytes: options.testing?.maxBodyBytes ?? MAX_BODY_BYTES,
    timeoutMs: options.testing?.bodyTimeoutMs ?? BODY_TIMEOUT_MS,
    budget: options.bodyBudget ?? new TotalBodyBudget(),
  };
  const app: App = new OpenAPIHono({
    defaultHook: (result) =>
      result.success
        ? undefined
        : invalidParameters(result.target === "param" ? "path" : "query", result.error.issues),
  });
  if (routes !== "clients") addBackendRoutes(app, options, limits);
  if (routes !== "api") {
    addGatewayRoute(app, options);
    if (options.issuer !== undefined) addLoginRoutes(app, { issuer: options.issuer, limits });
  }
  addHealthRoutes(app, options);
  if (routes !== "clients") {
    addMetricsRoute(app, options);
    addDocumentRoutes(app, options);
  }
  app.notFound((context) => answerUnrouted(app, context.req.path));
  const answerFailure = createFailureAnswerer(options);
  app.onError((error, context) => answerFailure(error, context.req.raw));
  const refuseHost = options.allowAnyHost ?? true ? undefined : createHostGuard(options);
  return (request, info) => {
    const refused = refuseHost?.(request) ?? refuseEncoding(request.url);
    if (refused !== undefined) return refused;
    return request.method === "HEAD" ? head(app, request, info) : app.fetch(request, info);
  };
}

function addBackendRoutes(app: App, options: HttpOptions, limits: BodyLimits): void {
  const { log, traces, users, signals, clock, console, version, issuer } = options;
  const { publishKeys, maxMessageBytes } = options;
  const guard = createGuard(publishKeys, options.laterKeyUsed);
  addPublishRoute(app, { log, traces, guard, limits, maxMessageBytes });
  addSignalRoute(app, { signals, clock, guard, limits, maxMessageBytes });
  addHistoryRoute(app, { log, guard });
  addPresenceRoutes(app, { users, guard });
  addUserRoutes(app, { users, guard });
  addTokenRoutes(app, { clock: options.tokenClock ?? options.clock, log, users, guard });
  if (console !== undefined) {
    addConsoleRoutes(app, { console, version, publishKeys, login: issuer !== undefined });
  }
}

/** HEAD is GET without the body, but with its length; and it upgrades nothing. */
async function head(app: App, request: Request, info: Exchange): Promise<Response> {
  const asked = new Headers(request.headers);
  asked.delete("upgrade");
  const response = await app.fetch(new Request(request.url, { headers: asked }), info);
  const { byteLength } = await response.arrayBuffer();
  const headers = new Headers(response.headers);
  headers.set("content-length", String(byteLength));
  return new Response(null, { status: response.status, headers });
}
