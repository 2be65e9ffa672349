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
import { json, PUBLIC } from "./answer.ts";
import { type BodyLimits, readJson } from "./body.ts";
import { jsonBody, jsonResponse, responses, Tag } from "./describe.ts";
import type { App, HttpOptions, LoginIssuer } from "./options.ts";
import { problem } from "./problem.ts";
import { LoginSchema, TokenSchema } from "./schemas.ts";
import { validateBody } from "./validate.ts";

/** Adds `GET /gateway`. */
export function addGatewayRoute(
  app: App,
  { upgrade, draining }: Pick<HttpOptions, "upgrade" | "draining">,
): void {
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
      "draining",
      "too_many_connections",
    ]),
  });
  app.openAPIRegistry.registerPath(route);
  app.get(route.path, (context) => {
    const request = context.req.raw;
    if (!asksForWebSocket(request.headers)) {
      return problem("upgrade_required", "Expected a WebSocket handshake.", {
        headers: { upgrade: "websocket", connection: "upgrade", "sec-websocket-version": "13" },
      });
    }
    if (draining()) return problem("draining", "The gateway is shutting down.");
    return upgrade(request, context.env.address);
  });
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
    const body = await readJson(context.req.raw, limits);
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
    responses: { 200: jsonResponse("A JWK set", z.object({ keys: z.array(z.looseObject({})) })) },
  });
  app.openapi(keys, async () => json(200, await issuer.jwks(), PUBLIC));
}
