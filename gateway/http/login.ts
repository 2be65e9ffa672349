/**
 * `POST /login` and the keys of its tokens, for development (docs/http.md, "For clients"). Scripts of any
 * origin may call both; no other route allows other origins.
 *
 * @module
 */

import { createRoute, z } from "@hono/zod-openapi";
import { cors } from "hono/cors";
import type { BodyLimits } from "../ports.ts";
import { json, PUBLIC } from "./answer.ts";
import { readJson, validateBody } from "./input.ts";
import { BODY_PROBLEMS, jsonBody, jsonResponse, responses, Tag } from "./openapi.ts";
import { problem } from "./problem.ts";
import { LoginSchema, TokenSchema } from "./schemas.ts";
import type { App, LoginIssuer } from "./types.ts";

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
      ...BODY_PROBLEMS,
      "wrong_password",
      "token_too_long",
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
    const body = await readJson(context.req.raw, context.env, limits);
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
