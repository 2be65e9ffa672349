/**
 * The routes that change users' connections: membership in channels, disconnecting (docs/http.md, "Users").
 *
 * @module
 */

import { createRoute } from "@hono/zod-openapi";
import { json, noContent } from "./answer.ts";
import type { Guard } from "./publish_key.ts";
import {
  BACKEND_PROBLEMS,
  forBackend,
  jsonResponse,
  responses,
  WRITE_FAILURES,
} from "./openapi.ts";
import type { Users } from "../ports.ts";
import type { App } from "./types.ts";
import { DisconnectedSchema, MembershipPathSchema, UserPathSchema } from "./schemas.ts";

const MEMBERSHIP = [
  { method: "put", command: "join", done: "They are in the channel" },
  { method: "delete", command: "leave", done: "They are not in the channel" },
] as const;

export function addUserRoutes(
  app: App,
  { users, guard }: { readonly users: Users; readonly guard: Guard },
): void {
  const shared = forBackend(guard);
  // With NATS, commands reach users on other nodes by the message log.
  const problems = ["invalid_path", ...BACKEND_PROBLEMS, ...WRITE_FAILURES] as const;

  app.openapi(
    createRoute({
      ...shared,
      method: "delete",
      path: "/users/{user}/connections",
      operationId: "disconnect",
      summary: "Disconnect a user",
      description: "Closes all connections that the user has open, with the close code 4010.",
      request: { params: UserPathSchema },
      responses: responses({ 200: jsonResponse("They are closed", DisconnectedSchema) }, problems),
    }),
    async (context) => {
      const disconnected = await users.execute({ do: "disconnect", ...context.req.valid("param") });
      return json(200, { disconnected });
    },
  );

  for (const { method, command, done } of MEMBERSHIP) {
    app.openapi(
      createRoute({
        ...shared,
        method,
        path: "/users/{user}/channels/{channel}",
        operationId: command,
        summary: `Let a user ${command} a channel`,
        description: "Holds for the connections that the user has open now.",
        request: { params: MembershipPathSchema },
        responses: responses({ 204: { description: done } }, problems),
      }),
      async (context) => {
        await users.execute({ do: command, ...context.req.valid("param") });
        return noContent();
      },
    );
  }
}
