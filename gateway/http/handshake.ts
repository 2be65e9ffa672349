/**
 * `GET /gateway`, the WebSocket handshake: upgrade headers (RFC 6455, section 4.2.1), origin, admission
 * (docs/http.md, "For clients"). The upgrade itself is the transport's.
 *
 * @module
 */

import { createRoute, z } from "@hono/zod-openapi";
import { LogThrottle } from "../log_throttle.ts";
import type { Exchange } from "../ports.ts";
import { delay } from "../util.ts";
import { responses, Tag } from "./openapi.ts";
import { problem } from "./problem.ts";
import type { App, ConnectOptions, HttpOptions } from "./types.ts";
import { invalidParameters } from "./input.ts";

/** Delay of the 429 for a client that connects too often, in milliseconds. */
const TOO_SOON_MS = 1000;
/** Longest part of a refused origin that is logged, in characters. */
const MAX_LOGGED_LENGTH = 200;

/** Development only, so that heartbeat timeouts can be watched. */
const HeartbeatQuerySchema = z.object({
  heartbeat_interval: z.coerce.number().int().min(1000).optional().openapi({
    description: "Heartbeat interval in milliseconds; the gateway's own if that is shorter",
  }),
});

export function addGatewayRoute(
  app: App,
  options: ConnectOptions & Pick<HttpOptions, "issuer">,
): void {
  const isDevelopment = options.issuer !== undefined;
  const route = createRoute({
    method: "get",
    path: "/gateway",
    operationId: "connect",
    tags: [Tag.Clients],
    summary: "Connect a WebSocket",
    description: "The WebSocket handshake. What is spoken then is in /asyncapi.json.",
    ...isDevelopment ? { request: { query: HeartbeatQuerySchema } } : {},
    responses: responses({ 101: { description: "The WebSocket is open" } }, [
      ...isDevelopment ? ["invalid_query"] as const : [],
      "bad_handshake",
      "origin_not_allowed",
      "upgrade_required",
      "too_many_attempts",
      "draining",
      "too_many_connections",
    ]),
  });
  app.openAPIRegistry.registerPath(route);
  const allowsOrigin = createOriginGuard(options);
  app.get(route.path, async (context) => {
    const { headers } = context.req.raw;
    const refused = refuseHandshake(headers);
    if (refused !== undefined) return refused;
    if (!allowsOrigin(headers.get("origin"))) {
      return problem("origin_not_allowed", "Pages of this origin may not connect.");
    }
    if (!isDevelopment) return await upgrade(context.env, options);
    const query = HeartbeatQuerySchema.safeParse(context.req.query());
    if (!query.success) return invalidParameters("query", query.error.issues);
    return await upgrade(context.env, options, query.data.heartbeat_interval);
  });
}

async function upgrade(
  exchange: Exchange,
  options: ConnectOptions,
  heartbeatIntervalMs?: number,
): Promise<Response> {
  const entry = options.connect(exchange.address, heartbeatIntervalMs);
  switch (entry) {
    case "draining":
      return problem("draining", "The gateway is shutting down.");
    case "full":
      return problem("too_many_connections", "There are too many connections.");
    case "too soon":
      // The wait is what slows down a client that tries again at once.
      await delay(options.clock, TOO_SOON_MS);
      return problem("too_many_attempts", "This address connects too often.");
  }
  const response = exchange.upgrade({
    opened: (socket) => void entry.accept(socket),
    abandoned: () => entry.abandon(),
  });
  if (typeof response !== "string") return response;
  entry.abandon();
  return problem("bad_handshake", response);
}

function refuseHandshake(headers: Headers): Response | undefined {
  if (!asksForWebSocket(headers)) {
    return problem("upgrade_required", "Expected a WebSocket handshake.", {
      headers: { upgrade: "websocket", connection: "upgrade", "sec-websocket-version": "13" },
    });
  }
  if (headers.get("sec-websocket-version") !== "13") {
    return problem("upgrade_required", "Expected version 13 of the WebSocket protocol.", {
      headers: { upgrade: "websocket", "sec-websocket-version": "13" },
    });
  }
  if (!/^[A-Za-z0-9+/]{22}==$/.test(headers.get("sec-websocket-key") ?? "")) {
    return problem("bad_handshake", "Sec-WebSocket-Key is not 16 bytes in Base64.");
  }
  return undefined;
}

function asksForWebSocket(headers: Headers): boolean {
  return (headers.get("upgrade") ?? "").toLowerCase().split(",")
    .some((protocol) => protocol.trim() === "websocket");
}

function createOriginGuard(
  { allowedOrigins, originRefused, logger, clock }: Omit<ConnectOptions, "connect">,
): (origin: string | null) => boolean {
  const allowed = new Set(allowedOrigins);
  const logThrottle = new LogThrottle(clock);
  return (header) => {
    // Only browsers send an Origin, and only they carry somebody else's page.
    if (header === null || allowed.size === 0) return true;
    const origin = header.toLowerCase();
    if (allowed.has(origin) || allowed.has(withWildcard(origin))) return true;
    originRefused();
    if (logThrottle.shouldLog("origin")) {
      logger.warn("a handshake was refused: its Origin is not in GATEWAY_ALLOWED_ORIGINS", {
        origin: header.length > MAX_LOGGED_LENGTH
          ? `${header.slice(0, MAX_LOGGED_LENGTH)}…`
          : header,
      });
    }
    return false;
  };
}

/** The wildcard that allows `origin`: its first label is the `*`. */
function withWildcard(origin: string): string {
  return origin.replace(/^([a-z][a-z0-9+.-]*:\/\/)[a-z0-9_-]+\./, "$1*.");
}
