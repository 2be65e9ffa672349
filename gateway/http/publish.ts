/**
 * `POST /messages`, the hot path of the HTTP interface (docs/http.md, "Publishing"). It answers 201 only
 * once the log has stored the messages.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { createRoute, z } from "@hono/zod-openapi";
import type { Exchange, Published } from "../ports.ts";
import type { PublishLog, PublishTraces } from "./traces.ts";
import { json, PRIVATE } from "./answer.ts";
import type { Guard } from "./publish_key.ts";
import { type DraftLimits, readDrafts } from "./drafts.ts";
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

interface PublishDeps extends DraftLimits {
  readonly log: PublishLog;
  readonly traces: PublishTraces | undefined;
  readonly guard: Guard;
}

const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,255}$/;

const REPLAYED = { ...PRIVATE, "idempotency-replayed": "true" };

const route = createRoute({
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
    body: jsonBody(z.union([DraftSchema, DraftsSchema])),
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

/** Adds the route. Its handler reads the body, because the library's validator would not bound it. */
export function addPublishRoute(app: App, options: PublishDeps): void {
  app.openAPIRegistry.registerPath(route);
  app.post(route.path, (context) => publish(context.req.raw, context.env, options));
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
