/**
 * The routes about who is connected (docs/http.md, "Presence").
 *
 * @module
 */

import { createRoute, type z } from "@hono/zod-openapi";
import { json } from "./answer.ts";
import type { Guard } from "./publish_key.ts";
import { BACKEND_PROBLEMS, forBackend, jsonResponse, responses } from "./openapi.ts";
import type { SessionDetails, Users } from "../ports.ts";
import type { App } from "./types.ts";
import {
  ChannelPathSchema,
  ChannelPresenceSchema,
  ChannelUsersQuerySchema,
  ChannelUsersSchema,
  type SessionSchema,
  UserPathSchema,
  UserSchema,
  UsersPresenceSchema,
  UsersQuerySchema,
} from "./schemas.ts";

/** Also of one node, so that the document is the same everywhere. */
const PROBLEMS = [...BACKEND_PROBLEMS, "log_unavailable"] as const;

export function addPresenceRoutes(
  app: App,
  { users, guard }: { readonly users: Users; readonly guard: Guard },
): void {
  const shared = { method: "get", ...forBackend(guard) } as const;
  const withQuery = { method: "get", ...forBackend(guard, { hasQuery: true }) } as const;

  app.openapi(
    createRoute({
      ...withQuery,
      path: "/users",
      operationId: "presenceOfUsers",
      summary: "See which of up to 1,000 users are there",
      description: "A user who is not there has 0 connections.",
      request: { query: UsersQuerySchema },
      responses: responses({ 200: jsonResponse("Who is there", UsersPresenceSchema) }, [
        ...PROBLEMS,
      ]),
    }),
    async (context) => {
      const asked = context.req.valid("query").user;
      const found = await users.presence(asked);
      return json(200, { users: asked.map((user, index) => ({ user, ...found[index] })) });
    },
  );

  app.openapi(
    createRoute({
      ...shared,
      path: "/users/{user}",
      operationId: "presence",
      summary: "See whether a user is there, and each connection",
      description: "A user who is not there has 0 connections.",
      request: { params: UserPathSchema },
      responses: responses({ 200: jsonResponse("Who is there", UserSchema) }, [
        "invalid_path",
        ...PROBLEMS,
      ]),
    }),
    async (context) => {
      const { user } = context.req.valid("param");
      const { connections, channels, sessions } = await users.inspect(user);
      return json(200, { user, connections, channels, sessions: sessions.map(toJson) });
    },
  );

  app.openapi(
    createRoute({
      ...shared,
      path: "/channels/{channel}",
      operationId: "presenceInChannel",
      summary: "Count who is in a channel",
      request: { params: ChannelPathSchema },
      responses: responses({ 200: jsonResponse("How many there are", ChannelPresenceSchema) }, [
        "invalid_path",
        ...PROBLEMS,
      ]),
    }),
    async (context) => {
      const { channel } = context.req.valid("param");
      return json(200, { channel, ...await users.channelPresence(channel) });
    },
  );

  app.openapi(
    createRoute({
      ...withQuery,
      path: "/channels/{channel}/users",
      operationId: "usersInChannel",
      summary: "List who is in a channel",
      description:
        "By name, in the order of UTF-16 code units. To read on, pass the last user as " +
        "`after` as long as `more` is true.",
      request: { params: ChannelPathSchema, query: ChannelUsersQuerySchema },
      responses: responses({ 200: jsonResponse("A page of users", ChannelUsersSchema) }, [
        "invalid_path",
        ...PROBLEMS,
      ]),
    }),
    async (context) => {
      const { channel } = context.req.valid("param");
      const { after, limit } = context.req.valid("query");
      return json(200, await users.channelUsers({ channel, after, limit }));
    },
  );
}

function toJson(
  { id, node, transport, since, roundTripMs, unsentBytes, replayingAfter, sentUpTo }:
    SessionDetails,
): z.infer<typeof SessionSchema> {
  const round_trip_ms = roundTripMs === null ? null : Math.round(roundTripMs * 10) / 10;
  return {
    ...{ id, node, transport, since, round_trip_ms, unsent_bytes: unsentBytes },
    ...{ replaying_after: replayingAfter, sent_up_to: sentUpTo },
  };
}
