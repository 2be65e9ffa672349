/**
 * Reads and validates what requests carry: a JSON body of the right media type, and parameters. Each fault is
 * reported, with its place, in a problem.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { z } from "@hono/zod-openapi";
import type { BodyFailure, BodyLimits, Exchange } from "../ports.ts";
import { type Fault, problem } from "./problem.ts";

/** Most faults that one problem lists. */
const MAX_FAULTS = 10;
/** Longest detail of a fault, in characters: it may quote what was sent. */
const MAX_DETAIL_LENGTH = 200;

const NO_QUERY = z.strictObject({});

type Issue = z.core.$ZodIssue;

/** A body that arrived whole and is JSON. */
export interface JsonBody {
  readonly bytes: Uint8Array;
  readonly value: unknown;
}

/** Reading the rest of the body, for the sake of another request, is not worth it. */
const CLOSE = { connection: "close" };

const strict = new TextDecoder("utf-8", { fatal: true });

/** The body of a request, or the problem with it. Routes that have a body take no query. */
export async function readJson(
  request: Request,
  exchange: Exchange,
  limits: BodyLimits,
): Promise<JsonBody | Response> {
  const refused = refuseQuery(request.url) ?? refuseMediaType(request.headers);
  if (refused !== undefined) return refused;
  const bytes = await exchange.readBody(limits);
  if (typeof bytes === "string") return refuseBody(bytes, limits);
  try {
    return { bytes, value: JSON.parse(decode(bytes)) };
  } catch (error) {
    const why = error instanceof SyntaxError ? error.message : "it is not UTF-8";
    return problem("invalid_json", `The body is not JSON: ${why}.`);
  }
}

/**
 * The text of `bytes`; throws a `TypeError` for what is not UTF-8. The decoder of Buffer puts U+FFFD there
 * and is four times as fast, and only where one stands, or a byte order mark, the strict one is asked.
 */
function decode(bytes: Uint8Array): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
  return text.includes("\ufffd") || text.startsWith("\ufeff") ? strict.decode(bytes) : text;
}

/** Only JSON as it is; a charset may be named, once or more, so long as it is UTF-8. */
function refuseMediaType(headers: Headers): Response | undefined {
  const encoding = headers.get("content-encoding");
  if (encoding !== null && encoding.toLowerCase() !== "identity") {
    return problem("unsupported_media_type", "The body is compressed; send it as it is.", {
      headers: { "accept-encoding": "identity" },
    });
  }
  const type = headers.get("content-type");
  if (type === "application/json") return undefined;
  const [essence, ...parameters] = (type ?? "").toLowerCase().split(/[;,]/)
    .map((part) => part.trim());
  const isForeign = (parameter: string): boolean =>
    parameter.startsWith("charset=") && !/^charset="?utf-?8"?$/.test(parameter);
  if (essence === "application/json" && !parameters.some(isForeign)) return undefined;
  return problem(
    "unsupported_media_type",
    "Expected the header Content-Type: application/json, in UTF-8.",
    { headers: { accept: "application/json" } },
  );
}

function refuseBody(failure: BodyFailure, { maxBytes }: BodyLimits): Response {
  switch (failure) {
    case "too_large":
      return problem("body_too_large", `The body is longer than ${maxBytes} bytes.`, {
        headers: CLOSE,
      });
    case "overloaded":
      return problem("bodies_overloaded", "Too many bodies are on their way at once.", {
        headers: CLOSE,
      });
    case "timed_out":
      return problem("request_timeout", "The body did not arrive in time.", { headers: CLOSE });
    case "broken":
      return problem("incomplete_body", "The connection broke before the body was complete.");
  }
}

/** Something wrong with a value, with its place. */
export interface InputFault {
  readonly path: readonly PropertyKey[];
  readonly detail: string;
}

/** A value as its schema has it, or all that is wrong with it. */
export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly faults: readonly InputFault[] };

export function parseInput<T>(schema: z.ZodType<T>, value: unknown): Parsed<T> {
  const parsed = schema.safeParse(value, { error: explain });
  if (parsed.success) return { ok: true, value: parsed.data };
  const { issues } = parsed.error;
  return {
    ok: false,
    faults: issues.slice(0, MAX_FAULTS)
      .map((issue) => ({ path: place(issue), detail: detail(issue) })),
  };
}

/** Names the keys that an object may have, to whom has misspelt one. */
function explain({ code, inst, keys }: z.core.$ZodRawIssue): string | undefined {
  if (code !== "unrecognized_keys" || !(inst instanceof z.ZodObject)) return undefined;
  const unknown = keys?.map((key) => JSON.stringify(key)).join(", ");
  return `Unrecognized key: ${unknown}, expected ${Object.keys(inst.shape).join(", ")}`;
}

/** `value` as `schema` has it, or the problem with it. */
export function validateBody<T>(schema: z.ZodType<T>, value: unknown): T | Response {
  const parsed = parseInput(schema, value);
  return parsed.ok ? parsed.value : invalidBody(parsed.faults);
}

/** The problem of a body that is JSON but not what the route takes. */
export function invalidBody(faults: readonly InputFault[]): Response {
  return problem("invalid_body", "The body is not what this route takes; see errors.", {
    errors: faults.map(bodyFault),
  });
}

/** The problem of parameters of the path or of the query. */
export function invalidParameters(part: "path" | "query", issues: readonly Issue[]): Response {
  const errors = issues.slice(0, MAX_FAULTS)
    .map((issue) => ({ parameter: String(place(issue)[0] ?? ""), detail: detail(issue) }));
  const code = part === "path" ? "invalid_path" : "invalid_query";
  return problem(code, `The ${part} is not what this route takes; see errors.`, { errors });
}

/** Returns the problem of a `url` with a query, on a route that takes none. */
export function refuseQuery(url: string): Response | undefined {
  if (!url.includes("?")) return undefined;
  const parsed = NO_QUERY.safeParse(Object.fromEntries(new URL(url).searchParams));
  return parsed.success ? undefined : invalidParameters("query", parsed.error.issues);
}

/** A fault as a problem lists it. */
export function bodyFault({ path, detail }: InputFault): Fault {
  return { pointer: pointer(path), detail };
}

/** An unknown key is named itself, not the object that it is in. */
function place(issue: Issue): readonly PropertyKey[] {
  return issue.code === "unrecognized_keys"
    ? [...issue.path, ...issue.keys.slice(0, 1)]
    : issue.path;
}

function detail({ message }: Issue): string {
  const text = message.replace(/^Invalid input: /, "")
    .replace(/^(expected .*), received undefined$/, "is missing, $1");
  return text.length > MAX_DETAIL_LENGTH ? `${text.slice(0, MAX_DETAIL_LENGTH)}…` : text;
}

/** A JSON pointer as a URI fragment. */
function pointer(path: readonly PropertyKey[]): string {
  const parts = path.map((part) => {
    const escaped = String(part).slice(0, 255).replaceAll("~", "~0").replaceAll("/", "~1");
    return encodeURIComponent(escaped.toWellFormed());
  });
  return ["#", ...parts].join("/");
}
