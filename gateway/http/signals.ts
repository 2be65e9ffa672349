/**
 * `POST /signals` (docs/http.md, "Signals"). It answers 202 before anybody has the signals, and nothing is
 * stored.
 *
 * @module
 */

import { createRoute, z } from "@hono/zod-openapi";
import type { Clock, Signals } from "../ports.ts";
import { accepted } from "./answer.ts";
import { type DraftLimits, readDrafts } from "./drafts.ts";
import { BACKEND_SECURITY, BODY_PROBLEMS, jsonBody, responses, Tag } from "./openapi.ts";
import type { Guard } from "./publish_key.ts";
import { DraftSchema, DraftsSchema, MAX_BATCH } from "./schemas.ts";
import type { App } from "./types.ts";

interface SignalDeps extends DraftLimits {
  readonly signals: Signals;
  readonly clock: Clock;
  readonly guard: Guard;
}

const route = createRoute({
  method: "post",
  path: "/signals",
  operationId: "signal",
  tags: [Tag.Backend],
  security: BACKEND_SECURITY,
  summary: "Send signals",
  description: `One signal, or an array of up to ${MAX_BATCH}, to sessions that asked for them. ` +
    "Not stored and not replayed: who is not there, or does not keep up, misses them.",
  request: { body: jsonBody(z.union([DraftSchema, DraftsSchema])) },
  responses: responses({ 202: { description: "They are on their way, if anybody listens" } }, [
    ...BODY_PROBLEMS,
    "unauthorized",
    "message_too_large",
  ]),
});

/** Adds the route. Its handler reads the body, because the library's validator would not bound it. */
export function addSignalRoute(app: App, { signals, clock, guard, ...limits }: SignalDeps): void {
  app.openAPIRegistry.registerPath(route);
  app.post(route.path, async ({ req: { raw: request }, env }) => {
    const refused = guard(request);
    if (refused !== undefined) return refused;
    const body = await readDrafts(request, env, limits);
    if (body instanceof Response) return body;
    const time = Math.floor(clock.now());
    signals.signal(body.drafts.map((draft) => ({ ...draft, time })));
    return accepted();
  });
}
