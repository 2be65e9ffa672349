/**
 * The route that revokes the tokens of a user (docs/http.md, "Revoking tokens").
 *
 * @module
 */

import { createRoute } from "@hono/zod-openapi";
import { type RevokeDeps, revokeTokens } from "../revoke_tokens.ts";
import { json } from "./answer.ts";
import {
  BACKEND_PROBLEMS,
  forBackend,
  jsonResponse,
  responses,
  WRITE_FAILURES,
} from "./openapi.ts";
import type { Guard } from "./publish_key.ts";
import { RevokedSchema, UserPathSchema } from "./schemas.ts";
import type { App } from "./types.ts";

export function addTokenRoutes(
  app: App,
  { guard, ...deps }: RevokeDeps & { readonly guard: Guard },
): void {
  app.openapi(
    createRoute({
      ...forBackend(guard),
      method: "delete",
      path: "/users/{user}/tokens",
      operationId: "revoke",
      summary: "Revoke a user's tokens",
      description:
        "Refuses the tokens of this user that were issued up to the current second, and " +
        "closes connections that have one, with the close code 4003.",
      request: { params: UserPathSchema },
      responses: responses(
        { 200: jsonResponse("They are revoked", RevokedSchema) },
        ["invalid_path", ...BACKEND_PROBLEMS, ...WRITE_FAILURES],
      ),
    }),
    async (context) => {
      const { user } = context.req.valid("param");
      const { disconnected, issuedBefore } = await revokeTokens(user, deps);
      return json(200, { disconnected, issued_before: issuedBefore });
    },
  );
}
