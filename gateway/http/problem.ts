/**
 * The table of problems: every error of the HTTP interface, as RFC 9457 problem details with a stable
 * `code`. docs/http.md ("Problems") and the OpenAPI document are generated from it. Nothing is thrown: a
 * peer's fault is a value, and the value is the response.
 *
 * @module
 */

import type { FailureCode, RequestFailureCode } from "../errors.ts";
import { MAX_BODY_BYTES, MAX_TOTAL_BODY_BYTES } from "./body_budget.ts";

/** One row of the table. */
export interface ProblemInfo {
  /** HTTP status. */
  readonly status: number;
  /** The condition, in words for the author of a backend. */
  readonly when: string;
  /** Sent as `Retry-After`. */
  readonly retryAfterSeconds?: number;
}

const MIB = 1024 * 1024;

/** The failures of requests. */
const FAILURES = {
  idempotency_key_reused: {
    status: 422,
    when: "`Idempotency-Key` was used with another body within 24 hours",
  },
  log_unavailable: {
    status: 503,
    when: "the message log cannot be read or written: disk full or read-only, broker unreachable",
    retryAfterSeconds: 5,
  },
  log_overloaded: {
    status: 503,
    when: "publishes arrive faster than the message log stores them",
    retryAfterSeconds: 1,
  },
  publish_too_large: {
    status: 413,
    when: "a publish is longer than the message log accepts: with NATS, its `max_payload`",
  },
  log_closed: {
    status: 503,
    when: "the message log is closed because the process is exiting",
    retryAfterSeconds: 5,
  },
  log_corrupt: { status: 503, when: "the message log's file is damaged" },
} as const satisfies Readonly<Record<RequestFailureCode, ProblemInfo>>;

/** Every problem by its code. */
export const PROBLEMS = {
  invalid_host: { status: 400, when: "`Host` is not a name or address with an optional port" },
  invalid_json: { status: 400, when: "the body is not UTF-8 JSON" },
  invalid_body: {
    status: 400,
    when: "the body is JSON but does not match the route's schema; see `errors`",
  },
  invalid_query: {
    status: 400,
    when:
      "the query is not percent-encoded UTF-8, or a parameter is unknown, repeated or invalid; see `errors`",
  },
  invalid_path: {
    status: 400,
    when: "a path segment is not percent-encoded UTF-8, or not a valid name",
  },
  invalid_idempotency_key: {
    status: 400,
    when: "`Idempotency-Key` is not 1 to 255 visible ASCII characters",
  },
  incomplete_body: { status: 400, when: "the connection broke before the body was complete" },
  unauthorized: { status: 401, when: "the publish key is missing or wrong" },
  origin_not_allowed: {
    status: 403,
    when: "the page's origin is not in `GATEWAY_ALLOWED_ORIGINS`",
  },
  host_not_allowed: {
    status: 403,
    when: "the mock issuer is on and `Host` is a publicly registrable name",
  },
  wrong_password: { status: 401, when: "`POST /login` with a wrong password" },
  token_too_long: {
    status: 400,
    when: "`POST /login` with so many channels that the token does not fit into a frame",
  },
  not_found: { status: 404, when: "no such route" },
  method_not_allowed: {
    status: 405,
    when: "the route does not support this method; `Allow` lists those it does",
  },
  request_timeout: { status: 408, when: "the body did not arrive in time" },
  expired: {
    status: 410,
    when: "`after` is not an id of this gateway, or messages after it are no longer stored",
  },
  body_too_large: { status: 413, when: `the body is longer than ${MAX_BODY_BYTES / MIB} MiB` },
  message_too_large: {
    status: 413,
    when: "a message is longer than `GATEWAY_MAX_MESSAGE_BYTES` of JSON",
  },
  unsupported_media_type: {
    status: 415,
    when: "the body is not `application/json`, or is compressed",
  },
  bad_handshake: {
    status: 400,
    when: "`GET /gateway` with an invalid WebSocket handshake",
  },
  upgrade_required: { status: 426, when: "`GET /gateway` without a WebSocket handshake" },
  console_not_built: {
    status: 503,
    when: "the console is on but was not built: run `deno task build:console`",
  },
  too_many_attempts: {
    status: 429,
    when: "this address connects more often than `GATEWAY_CONNECT_RATE_PER_IP` allows",
    retryAfterSeconds: 10,
  },
  internal_error: { status: 500, when: "a bug in the gateway; see its log" },
  too_many_connections: {
    status: 503,
    when: "the connection limits are exceeded so far that not even a close code can be sent",
    retryAfterSeconds: 5,
  },
  bodies_overloaded: {
    status: 503,
    when: `bodies in flight exceed ${MAX_TOTAL_BODY_BYTES / MIB} MiB together`,
    retryAfterSeconds: 1,
  },
  draining: {
    status: 503,
    when: "the gateway is shutting down and accepts no connections",
    retryAfterSeconds: 5,
  },
  ...FAILURES,
} as const satisfies Readonly<Record<string, ProblemInfo>>;

export type ProblemCode = keyof typeof PROBLEMS;

/** Tells failures of a request from others, which are bugs if a route throws them. */
export function isRequestFailure(code: FailureCode): code is RequestFailureCode {
  return Object.hasOwn(FAILURES, code);
}

export type Fault =
  /** A JSON pointer into the body, in the form of a URI fragment (RFC 6901, section 6). */
  | { readonly pointer: string; readonly detail: string }
  /** The name of a parameter of the query or of the path. */
  | { readonly parameter: string; readonly detail: string };

/** Optional parts of a problem. */
export interface ProblemExtras {
  readonly errors?: readonly Fault[];
  readonly headers?: Readonly<Record<string, string>>;
}

/** Reason phrases of RFC 9110; without a `type`, a problem's title is that of its status. */
const TITLES: Readonly<Record<(typeof PROBLEMS)[ProblemCode]["status"], string>> = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  408: "Request Timeout",
  410: "Gone",
  413: "Content Too Large",
  415: "Unsupported Media Type",
  422: "Unprocessable Content",
  426: "Upgrade Required",
  429: "Too Many Requests",
  500: "Internal Server Error",
  503: "Service Unavailable",
};

/** The response for a problem. `detail` is one sentence on this occurrence, for people. */
export function problem(code: ProblemCode, detail: string, extras: ProblemExtras = {}): Response {
  const info: ProblemInfo = PROBLEMS[code];
  const { status } = PROBLEMS[code];
  const headers: Record<string, string> = {
    "content-type": "application/problem+json",
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    ...extras.headers,
  };
  // RFC 9110, 15.5.2: a 401 always says how to authenticate.
  if (status === 401) headers["www-authenticate"] = 'Bearer realm="emagine-gateway"';
  if (info.retryAfterSeconds !== undefined) headers["retry-after"] = String(info.retryAfterSeconds);
  const body = { title: TITLES[status], status, code, detail, errors: extras.errors };
  return new Response(JSON.stringify(body), { status, headers });
}

/** The problem of a request whose Host and target make no URL, so that no route can be found. */
export function invalidHost(): Response {
  return problem("invalid_host", "Host is not a name or address with an optional port.");
}
