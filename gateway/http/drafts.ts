/**
 * The drafts in a request's body: one, or an array, for `POST /messages` and `POST /signals` alike.
 *
 * @module
 */

import type { BodyLimits, Draft, Exchange } from "../ports.ts";
import { type JsonBody, readJson } from "./body.ts";
import { problem } from "./problem.ts";
import { DraftSchema, DraftsSchema, MAX_BATCH } from "./schemas.ts";
import { invalidBody, validateBody } from "./validate.ts";

export interface DraftLimits {
  readonly limits: BodyLimits;
  /** Longest message, in bytes of its JSON. */
  readonly maxMessageBytes: number;
}

export interface DraftsBody {
  /** At least one. */
  readonly drafts: readonly Draft[];
  /** The body was an array. */
  readonly isBatch: boolean;
  readonly bytes: Uint8Array;
}

/** Re-serializing makes a message at most this many times as long: `1e20`. */
const MAX_GROWTH = 6;

/** Reads and validates the drafts, or returns the problem with them. */
export async function readDrafts(
  request: Request,
  exchange: Exchange,
  { limits, maxMessageBytes }: DraftLimits,
): Promise<DraftsBody | Response> {
  const body = await readJson(request.headers, exchange, limits);
  if (body instanceof Response) return body;
  const drafts = toDrafts(body, maxMessageBytes);
  if (drafts instanceof Response) return drafts;
  return { drafts, isBatch: Array.isArray(body.value), bytes: body.bytes };
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
