/**
 * The routes that take drafts, one or an array. `POST /messages`, the hot path of the HTTP interface (docs/http.md,
 * "Publishing"), answers 201 once the log has stored them. `POST /signals` ("Signals") stores nothing, and answers
 * 202 before anybody has them.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { createRoute, z } from "@hono/zod-openapi";
import type { BodyLimits, Clock, Draft, Exchange, Published, Signals } from "../ports.ts";
import type { PublishLog, PublishTraces } from "./traces.ts";
import { accepted, json, PRIVATE } from "./answer.ts";
import type { Guard } from "./publish_key.ts";
import { findTooLong, parseDrafts } from "./drafts.ts";
import { bodyFault, invalidBody, type JsonBody, readJson } from "./input.ts";
import {
  BACKEND_SECURITY,
  BODY_PROBLEMS,
  jsonBody,
  jsonResponse,
  PUBLISH_FAILURES,
  responses,
  Tag,
} from "./openapi.ts";
import type { App } from "./types.ts";
import { problem } from "./problem.ts";
import { DraftSchema, DraftsSchema, MAX_BATCH, ReceiptSchema } from "./schemas.ts";

interface DraftDeps {
  readonly guard: Guard;
  readonly limits: BodyLimits;
  /** Longest message, in bytes of its JSON. */
  readonly maxMessageBytes: number;
}

interface PublishDeps extends DraftDeps {
  readonly log: PublishLog;
  readonly traces: PublishTraces | undefined;
}

interface SignalDeps extends DraftDeps {
  readonly signals: Signals;
  readonly clock: Clock;
}

interface DraftsBody {
  /** At least one. */
  readonly drafts: readonly Draft[];
  /** The body was an array. */
  readonly isBatch: boolean;
  readonly bytes: Uint8Array;
}

/** Re-serializing makes a message at most this many times as long: `1e20`. */
const MAX_GROWTH = 6;

const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,255}$/;

const REPLAYED = { ...PRIVATE, "idempotency-replayed": "true" };

const DRAFTS = jsonBody(z.union([DraftSchema, DraftsSchema]));

const publishRoute = createRoute({
  method: "post",
  path: "/messages",
  operationId: "publish",
  tags: [Tag.Backend],
  security: BACKEND_SECURITY,
  summary: "Publish messages",
  description: `One message, or an array of up to ${MAX_BATCH} that are stored all or none. ` +
    "Answers once they are stored: an object for an object, an array for an array.",
  request: {
    headers: z.object({
      "idempotency-key": z.string().regex(IDEMPOTENCY_KEY).optional().openapi({
        description: "The same key within 24 h gives the same answer and publishes once",
      }),
    }),
    body: DRAFTS,
  },
  responses: responses({
    201: {
      ...jsonResponse("The messages are stored", z.union([ReceiptSchema, z.array(ReceiptSchema)])),
      headers: z.object({
        "idempotency-replayed": z.literal("true").optional().openapi({
          description: "Present when this is the answer that an earlier request got",
        }),
      }),
    },
  }, [
    ...BODY_PROBLEMS,
    "invalid_idempotency_key",
    "unauthorized",
    "message_too_large",
    ...PUBLISH_FAILURES,
  ]),
});

const signalRoute = createRoute({
  method: "post",
  path: "/signals",
  operationId: "signal",
  tags: [Tag.Backend],
  security: BACKEND_SECURITY,
  summary: "Send signals",
  description: `One signal, or an array of up to ${MAX_BATCH}, to sessions that asked for them. ` +
    "Not stored and not replayed: who is not there, or does not keep up, misses them.",
  request: { body: DRAFTS },
  responses: responses({ 202: { description: "They are on their way, if anybody listens" } }, [
    ...BODY_PROBLEMS,
    "unauthorized",
    "message_too_large",
  ]),
});

/** Adds the route. Its handler reads the body, because the library's validator would not bound it. */
export function addPublishRoute(app: App, options: PublishDeps): void {
  app.openAPIRegistry.registerPath(publishRoute);
  app.post(publishRoute.path, (context) => publish(context.req.raw, context.env, options));
}

/** Adds the route. Its handler reads the body, too. */
export function addSignalRoute(app: App, options: SignalDeps): void {
  const { signals, clock, guard } = options;
  app.openAPIRegistry.registerPath(signalRoute);
  app.post(signalRoute.path, async ({ req: { raw: request }, env }) => {
    const refused = guard(request);
    if (refused !== undefined) return refused;
    const body = await readDrafts(request, env, options);
    if (body instanceof Response) return body;
    const time = Math.floor(clock.now());
    signals.signal(body.drafts.map((draft) => ({ ...draft, time })));
    return accepted();
  });
}

async function publish(
  request: Request,
  exchange: Exchange,
  options: PublishDeps,
): Promise<Response> {
  const refused = options.guard(request);
  if (refused !== undefined) return refused;
  const { traces, log } = options;
  if (traces === undefined) return await publishTo(log, { request, exchange, options });
  const traceparent = request.headers.get("traceparent");
  return await traces.follow(
    { traceparent, log },
    (followed) => publishTo(followed, { request, exchange, options }),
  );
}

async function publishTo(
  log: PublishLog,
  { request, exchange, options }: {
    readonly request: Request;
    readonly exchange: Exchange;
    readonly options: PublishDeps;
  },
): Promise<Response> {
  const key = request.headers.get("idempotency-key");
  if (key !== null && !IDEMPOTENCY_KEY.test(key)) return refuseKey();
  const body = await readDrafts(request, exchange, options);
  if (body instanceof Response) return body;
  const { drafts, isBatch, bytes } = body;
  const { messages, repeated }: Published = key === null
    ? { messages: await log.publish(drafts), repeated: false }
    : await log.publishOnce({ key, digest: digestOf(bytes) }, drafts);
  const receipts = messages.map(({ id, time }) => ({ id, time }));
  return json(
    201,
    isBatch ? receipts : receipts[0],
    repeated ? REPLAYED : PRIVATE,
  );
}

function refuseKey(): Response {
  return problem(
    "invalid_idempotency_key",
    "Idempotency-Key is not 1 to 255 visible ASCII characters.",
  );
}

/** Identifies the request that an Idempotency-Key stands for. */
function digestOf(bytes: Uint8Array): string {
  return createHash("sha256").update("POST /messages\n").update(bytes).digest("base64url");
}

/** Reads and validates the drafts, or returns the problem with them. */
async function readDrafts(
  request: Request,
  exchange: Exchange,
  { limits, maxMessageBytes }: DraftDeps,
): Promise<DraftsBody | Response> {
  const body = await readJson(request, exchange, limits);
  if (body instanceof Response) return body;
  const drafts = toDrafts(body, maxMessageBytes);
  if (drafts instanceof Response) return drafts;
  return { drafts, isBatch: Array.isArray(body.value), bytes: body.bytes };
}

function toDrafts(body: JsonBody, maxMessageBytes: number): readonly Draft[] | Response {
  const parsed = parseDrafts(body.value);
  if (!parsed.ok) return invalidBody(parsed.faults);
  const drafts = parsed.value;
  if (body.bytes.byteLength * MAX_GROWTH <= maxMessageBytes) return drafts;
  const tooLong = findTooLong(drafts, { maxMessageBytes, isBatch: Array.isArray(body.value) });
  if (tooLong === undefined) return drafts;
  return problem(
    "message_too_large",
    `A message is longer than ${maxMessageBytes} bytes of JSON.`,
    { errors: [bodyFault(tooLong)] },
  );
}
