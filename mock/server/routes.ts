/**
 * The control routes of the test server: time, connections, tokens, transcript, reset
 * (docs/testing-clients.md). Each answers once all of its consequences have happened.
 *
 * @module
 */

import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import { cors } from "hono/cors";
import { json, noContent } from "../../gateway/http/answer.ts";
import { jsonResponse, responses } from "../../gateway/http/openapi.ts";
import { createFailureAnswerer } from "../../gateway/http/failures.ts";
import type { App } from "../../gateway/http/types.ts";
import { problem } from "../../gateway/http/problem.ts";
import { invalidParameters, refuseQuery } from "../../gateway/http/input.ts";
import { answerUnrouted, refuseEncoding } from "../../gateway/http/unrouted.ts";
import type { Clock, Exchange, Logger } from "../../gateway/ports.ts";
import { VERSION } from "../../gateway/config/version.ts";
import type { Affected } from "../gateway/types.ts";
import type { Faults } from "../gateway/faults.ts";
import { withoutUndefined } from "../gateway/input.ts";
import { refusal } from "../gateway/refusal.ts";
import { CloseRequestSchema } from "../gateway/schemas.ts";
import { addChaos, type ChaosDeps } from "./chaos.ts";
import { STEPS_PATH } from "./clock_steps.ts";
import { addCommand } from "./command.ts";
import { addReplay } from "./replay.ts";
import { addRules } from "./rules.ts";
import { addWorlds, type Worlds } from "./worlds.ts";
import { fromJsonNames, toJsonNames } from "./names.ts";
import * as schemas from "./schemas.ts";

/** The only route that takes a query. */
const TRANSCRIPT_PATH = "/mock/transcript";

export interface ControlOptions extends ChaosDeps {
  /** Only of the world without a prefix. */
  readonly worlds?: Worlds | undefined;
  /** Real time. */
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Returns the handler of `/mock/…`. */
export function createControl(
  options: ControlOptions,
): (request: Request, exchange: Exchange) => Promise<Response> {
  const app: App = new OpenAPIHono({
    defaultHook: (result) =>
      result.success ? undefined : invalidParameters("query", result.error.issues),
  });
  // Tests in a browser come from another origin.
  app.use("/mock/*", cors());
  app.use(
    "/mock/*",
    async ({ req: { url, path } }, next) =>
      refuseEncoding(url) ?? (path === TRANSCRIPT_PATH ? undefined : refuseQuery(url)) ??
        await next(),
  );
  addClock(app, options);
  addConnections(app, options);
  addRules(app, options);
  addChaos(app, options);
  addReplay(app, options);
  if (options.worlds !== undefined) addWorlds(app, options.worlds);
  addRest(app, options);
  const document = app.getOpenAPI31Document({
    openapi: "3.1.0",
    info: {
      title: "E-Magine Gateway, test server",
      version: VERSION,
      description: "Controls of the gateway that is started with --mock. Each call answers once " +
        "its consequences have happened.",
    },
  });
  app.get("/mock/openapi.json", () => json(200, document));
  app.notFound(({ req }) => answerUnrouted(app, req.path));
  const answerFailure = createFailureAnswerer({ ...options, bug: () => {} });
  app.onError((error, context) => answerFailure(error, context.req.raw));
  return async (request, info) => {
    // Frames that clients sent before this request have arrived, and must be read before it is handled.
    await options.replyWait.poll();
    return await app.fetch(request, info);
  };
}

function addClock(app: App, options: ControlOptions): void {
  const { gateway, time, replyWait } = options;
  const state = (): Response =>
    json(200, {
      now: gateway.clock.now(),
      elapsed_ms: gateway.clock.elapsedMs,
      run: time.running ? "real" : "stopped",
      next_due: gateway.clock.nextDue ?? null,
    });
  const success = { 200: jsonResponse("What time it is", schemas.ClockSchema) };
  const get = createRoute({
    method: "get",
    path: "/mock/clock",
    summary: "What time it is",
    responses: responses(success, ["invalid_query"]),
  });
  app.openAPIRegistry.registerPath(get);
  app.get(get.path, state);

  app.openAPIRegistry.registerPath({
    method: "get",
    path: STEPS_PATH,
    summary: "Keep the clock of a client under test in step, over a WebSocket",
    description:
      'The server sends `{"move_ms":45000}` before virtual time moves. The harness moves ' +
      'its clock by that, or less if something is due earlier, and sends `{"moved_ms":20000}`; with ' +
      '`"fired":false` if nothing was due.',
    responses: { 101: { description: "The WebSocket is open" } },
  });
  addCommand(app, {
    path: "/mock/clock",
    summary: "Move virtual time on, let it run, or hold it",
    schema: schemas.ClockRequestSchema,
    success,
    run: async ({ advance_ms = 0, run, patience_ms }) => {
      if (run === "stopped") time.stop();
      await replyWait.within(patience_ms, () => gateway.advance(advance_ms));
      if (run === "real") time.start();
      return state();
    },
  });
}

function addConnections(app: App, options: ControlOptions): void {
  const { gateway } = options;
  const list = createRoute({
    method: "get",
    path: "/mock/connections",
    summary: "The open connections",
    responses: responses(
      { 200: jsonResponse("All of them", z.array(schemas.ConnectionSchema)) },
      ["invalid_query"],
    ),
  });
  app.openAPIRegistry.registerPath(list);
  app.get(list.path, () =>
    json(
      200,
      gateway.connections.map(({ id, address, phase, user = null, frozen, faults }) => (
        { id, address, phase, user, half_open: frozen, faults: toJsonNames(faults) }
      )),
    ));

  const success = { 200: jsonResponse("Done", schemas.AffectedSchema) };
  const add = <T>(
    action: string,
    { schema, summary, run }: {
      readonly schema: z.ZodType<T>;
      readonly summary: string;
      readonly run: (body: T, target: string) => Promise<Affected | "unsupported">;
    },
  ): void =>
    addCommand(app, {
      ...{ path: `/mock/connections/{connection}/${action}`, summary, schema, success },
      run: async (body, context) =>
        affected(await run(body, context.req.param("connection") ?? "")),
    });
  add("drop", {
    summary: "End a connection without a close frame",
    schema: schemas.DropRequestSchema,
    run: ({ half_open }, target) => half_open ? gateway.freeze(target) : gateway.drop(target),
  });
  add("close", {
    summary: "Close a connection with a code",
    schema: CloseRequestSchema,
    run: (how, target) => gateway.close(target, how),
  });
  add("send", {
    summary: "Send a frame that the session knows nothing of",
    schema: schemas.SendRequestSchema,
    run: (body, target) => gateway.send(target, "text" in body ? body : { json: body.frame }),
  });
  add("faults", {
    summary: "Let things go wrong; on `all`, also on connections that are still to come",
    schema: schemas.FaultsRequestSchema,
    run: (body, target) => gateway.setFaults(target, fromJsonNames<Faults>(body)),
  });
}

function addRest(app: App, options: ControlOptions): void {
  const { gateway, time } = options;
  addCommand(app, {
    path: "/mock/tokens",
    summary: "A token, good or with a fault",
    schema: schemas.TokenRequestSchema,
    success: { 200: jsonResponse("The token", schemas.TokenSchema) },
    run: async ({ expires_in, ...rest }) => {
      const request = { ...rest, expiresInS: expires_in };
      return json(200, { token: await gateway.token(withoutUndefined(request)) });
    },
  });

  const transcript = createRoute({
    method: "get",
    path: TRANSCRIPT_PATH,
    summary: "What was sent and received, and when",
    request: { query: schemas.TranscriptQuerySchema },
    responses: { 200: jsonResponse("Oldest first", schemas.TranscriptSchema) },
  });
  app.openapi(transcript, (context) => {
    const { connection, event } = context.req.valid("query");
    const { startMs } = gateway.clock;
    return json(
      200,
      gateway.transcript
        .filter((entry) => connection === undefined || entry.connection === connection)
        .filter((entry) => event === undefined || entry.event === event)
        .map(({ at, ...rest }) => ({ at, elapsed_ms: at - startMs, ...rest })),
    );
  });

  addCommand(app, {
    path: "/mock/reset",
    summary: "Back to the beginning",
    schema: schemas.ResetRequestSchema,
    success: { 204: { description: "No connections, no messages, time at its start" } },
    run: async ({ start_ms }) => {
      time.stop();
      await gateway.reset({ startMs: start_ms });
      return noContent();
    },
  });
}

function affected(outcome: Affected | "unsupported"): Response {
  if (outcome === "unknown") {
    return problem("not_found", "There is no open connection of this name.");
  }
  if (outcome !== "unsupported") return json(200, { connections: outcome });
  const detail =
    "This runtime cannot end a connection without a close frame; Deno 2.5 or newer can.";
  return refusal({ status: 501, code: "cannot_drop", title: "Not Implemented", detail });
}
