/**
 * Validates bodies and parameters against a schema, and reports each fault and its place in a problem.
 *
 * @module
 */

import type { z } from "@hono/zod-openapi";
import { type Fault, problem } from "./problem.ts";

/** Most faults that one problem lists. */
const MAX_FAULTS = 10;
/** Longest detail of a fault, in characters: it may quote what was sent. */
const MAX_DETAIL_LENGTH = 200;

type Issue = z.core.$ZodIssue;

/** `value` as `schema` has it, or the problem with it. */
export function validateBody<T>(schema: z.ZodType<T>, value: unknown): T | Response {
  const parsed = schema.safeParse(value);
  return parsed.success ? parsed.data : invalidBody(parsed.error.issues.map(bodyFault));
}

/** The problem of a body that is JSON but not what the route takes. */
export function invalidBody(errors: readonly Fault[]): Response {
  return problem("invalid_body", "The body is not what this route takes; see errors.", {
    errors: errors.slice(0, MAX_FAULTS),
  });
}

/** The problem of parameters of the path or of the query. */
export function invalidParameters(part: "path" | "query", issues: readonly Issue[]): Response {
  const errors = issues.slice(0, MAX_FAULTS)
    .map((issue) => ({ parameter: String(place(issue)[0] ?? ""), detail: detail(issue) }));
  const code = part === "path" ? "invalid_path" : "invalid_query";
  return problem(code, `The ${part} is not what this route takes; see errors.`, { errors });
}

function bodyFault(issue: Issue): Fault {
  return { pointer: pointer(place(issue)), detail: detail(issue) };
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
