/**
 * The routes that clients use: the WebSocket handshake, and the login for development with its keys
 * (docs/http.md, "For clients").
 *
 * Only the login and the keys may be called by the scripts of other origins: the handshake has its own
 * rules for origins, and the rest is for backends.
 *
 * @module
 */

import { createRoute, z } from "@hono/zod-openapi";
import { cors } from "hono/cors";
import type { Exchange } from "../ports.ts";
import { json, PUBLIC } from "./answer.ts";
import type { BodyLimits } from "../ports.ts";
import { readJson } from "./body.ts";
import { jsonBody, jsonResponse, responses, Tag } from "./openapi_helpers.ts";
import type { App, ConnectOptions, LoginIssuer } from "./types.ts";
import { createOriginGuard } from "./origins.ts";
import { problem } from "./problem.ts";
import { LoginSchema, TokenSchema } from "./schemas.ts";
import { validateBody } from "./validate.ts";

/** How long a client that connects too often waits for the answer that says so, in milliseconds. */
const TOO_SOON_MS = 1000;

/** Adds `GET /gateway`: the rules of the handshake (RFC 6455, section 4.2.1). */
export function addGatewayRoute(app: App, options: ConnectOptions): void {
  const route = createRoute({
    method: "get",
    path: "/gateway",
    operationId: "connect",
    tags: [Tag.Clients],
    summary: "Connect a WebSocket",
    description: "The WebSocket handshake. What is spoken then is in /asyncapi.json.",
    responses: responses({ 101: { description: "The WebSocket is open" } }, [
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
    if (allowsOrigin(headers.get("origin"))) return await upgrade(context.env, options);
    return problem("origin_not_allowed", "Pages of this origin may not connect.");
  });
}

async function upgrade(exchange: Exchange, options: ConnectOptions): Promise<Response> {
  const entry = options.connect(exchange.address);
  switch (entry) {
    case "draining":
      return problem("draining", "The gateway is shutting down.");
    case "full":
      return problem("too_many_connections", "There are too many connections.");
    case "too soon":
      // The wait is what slows down a client that tries again at once.
      await new Promise<void>((resolve) => void options.clock.setTimer(TOO_SOON_MS, resolve));
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

/** Adds `POST /login` and the keys. */
export function addLoginRoutes(
  app: App,
  { issuer, limits }: { readonly issuer: LoginIssuer; readonly limits: BodyLimits },
): void {
  const login = createRoute({
    method: "post",
    path: "/login",
    operationId: "login",
    tags: [Tag.Development],
    summary: "Log in, for development",
    description: "Gives anybody a token. Absent when a real issuer is configured.",
    request: { body: jsonBody(LoginSchema) },
    responses: responses({ 200: jsonResponse("Logged in", TokenSchema) }, [
      "invalid_json",
      "invalid_body",
      "incomplete_body",
      "wrong_password",
      "token_too_long",
      "request_timeout",
      "body_too_large",
      "bodies_overloaded",
      "unsupported_media_type",
    ]),
  });
  app.openAPIRegistry.registerPath(login);
  const crossOrigin = cors({
    origin: "*",
    allowMethods: ["POST"],
    allowHeaders: ["Content-Type"],
    maxAge: 86_400,
  });
  app.on(["POST", "OPTIONS"], login.path, crossOrigin);
  app.post(login.path, async (context) => {
    const body = await readJson(context.req.raw.headers, context.env, limits);
    if (body instanceof Response) return body;
    const request = validateBody(LoginSchema, body.value);
    if (request instanceof Response) return request;
    const answer = await issuer.login(request);
    if (answer === "wrong_password") return problem("wrong_password", "The password is wrong.");
    if (answer === "token_too_long") {
      return problem(
        "token_too_long",
        "The token would be longer than a frame may be, so that no client could identify with it. " +
          "Ask for fewer or shorter channels, or start the gateway with a larger " +
          "GATEWAY_MAX_FRAME_BYTES.",
      );
    }
    return json(200, answer);
  });

  const keys = createRoute({
    method: "get",
    path: "/.well-known/jwks.json",
    operationId: "keys",
    tags: [Tag.Development],
    summary: "The keys that tokens from /login are verified with",
    middleware: cors(),
    responses: responses({
      200: jsonResponse("A JWK set", z.object({ keys: z.array(z.looseObject({})) })),
    }, []),
  });
  app.openapi(keys, async () => json(200, await issuer.jwks(), PUBLIC));
}
