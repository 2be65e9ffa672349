/**
 * `POST /messages`, the hot path of the HTTP interface (docs/http.md, "Publishing"). It answers 201 only
 * once the log has stored the messages.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { createRoute, z } from "@hono/zod-openapi";
import type { BodyLimits, Draft, Exchange, Published } from "../ports.ts";
import type { PublishLog, PublishTraces } from "../traces.ts";
import { json, PRIVATE } from "./answer.ts";
import type { Guard } from "./publish_key.ts";
import { type JsonBody, readJson } from "./body.ts";
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
import { invalidBody, validateBody } from "./validate.ts";

interface PublishDeps {
  readonly log: PublishLog;
  readonly traces: PublishTraces | undefined;
  readonly guard: Guard;
  readonly limits: BodyLimits;
  /** Longest message, in bytes of its JSON. */
  readonly maxMessageBytes: number;
}

const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,255}$/;

const REPLAYED = { ...PRIVATE, "idempotency-replayed": "true" };

/** Re-serializing makes a message at most this many times as long: `1e20`. */
const MAX_GROWTH = 6;

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
  const body = await readJson(request.headers, exchange, options.limits);
  if (body instanceof Response) return body;
  const drafts = toDrafts(body, options.maxMessageBytes);
  if (drafts instanceof Response) return drafts;
  const { messages, repeated }: Published = key === null
    ? { messages: await log.publish(drafts), repeated: false }
    : await log.publishOnce({ key, digest: digestOf(body.bytes) }, drafts);
  const receipts = messages.map(({ id, time }) => ({ id, time }));
  return json(
    201,
    Array.isArray(body.value) ? receipts : receipts[0],
    repeated ? REPLAYED : PRIVATE,
  );
}

function refuseKey(): Response {
  return problem(
    "invalid_idempotency_key",
    "Idempotency-Key is not 1 to 255 visible ASCII characters.",
  );
}

function toDrafts(body: JsonBody, maxMessageBytes: number): readonly Draft[] | Response {
  const drafts = validateDrafts(body.value);
  if (drafts instanceof Response || body.bytes.byteLength * MAX_GROWTH <= maxMessageBytes) {
    return drafts;
  }
  const encoder = new TextEncoder();
  const index = drafts.findIndex((draft) =>
    encoder.encode(JSON.stringify(draft)).byteLength > maxMessageBytes
  );
  if (index < 0) return drafts;
  const pointer = Array.isArray(body.value) ? `#/${index}` : "#";
  return problem(
    "message_too_large",
    `A message is longer than ${maxMessageBytes} bytes of JSON.`,
    {
      errors: [{ pointer, detail: `is longer than ${maxMessageBytes} bytes of JSON` }],
    },
  );
}

function validateDrafts(value: unknown): readonly Draft[] | Response {
  if (!Array.isArray(value)) {
    const draft = validateBody(DraftSchema, value);
    return draft instanceof Response ? draft : [draft];
  }
  // Counted first: a million wrong elements would make a million issues.
  if (value.length > MAX_BATCH) {
    const detail = `is an array of ${value.length}, expected at most ${MAX_BATCH}`;
    return invalidBody([{ pointer: "#", detail }]);
  }
  return validateBody(DraftsSchema, value);
}

/** Identifies the request that an Idempotency-Key stands for. */
function digestOf(bytes: Uint8Array): string {
  return createHash("sha256").update("POST /messages\n").update(bytes).digest("base64url");
}
