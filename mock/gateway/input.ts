/**
 * Validates what methods of the mock gateway are given, because JavaScript does not, by the schemas of the routes
 * that do the same.
 *
 * @module
 */

import { z } from "@hono/zod-openapi";
import { admissionOptions, sessionOptions } from "../../gateway/config/session_options.ts";
import { findTooLong } from "../../gateway/http/drafts.ts";
import { type InputFault, parseInput } from "../../gateway/http/input.ts";
import { DraftSchema } from "../../gateway/http/schemas.ts";
import type { Draft, Logger } from "../../gateway/ports.ts";
import type { MockGatewayOptions } from "./types.ts";
import { chaos, closeFrame, faults, NOT_EMPTY, startMs, token } from "./schemas.ts";

export const FaultsSchema = z.strictObject(faults).partial().refine(...NOT_EMPTY);

export const CloseSchema = z.strictObject(closeFrame);

export const SendSchema = z.union([
  z.strictObject({ text: z.string() }),
  z.strictObject({ json: z.json() }),
], { error: "expected either { text } or { json }" });

export const TargetSchema = z.string({
  error: 'is no target, expected "all" or the id of a connection, such as "c1"',
});

export const TokenSchema = z.strictObject(token);

export const ChaosSchema = z.strictObject(chaos);

export const ResetSchema = z.strictObject({ startMs });

const LOGGER_METHODS = ["debug", "info", "warn", "error"] as const;

export const OptionsSchema = z.strictObject(
  {
    startMs,
    connection: amounts(sessionOptions(), z.number().positive()),
    limits: amounts(admissionOptions(), z.number().nonnegative()),
    retentionMs: z.number().positive().optional(),
    maxMessageBytes: z.number().positive().optional(),
    publishKey: z.string().min(1).optional(),
    logger: z.custom<Logger>(isLogger, {
      error: `is no logger, expected the methods ${LOGGER_METHODS.join(", ")}`,
    }).optional(),
  } satisfies Readonly<Record<keyof MockGatewayOptions, z.ZodType>>,
);

/** Some of the numbers in `defaults`. */
function amounts<T extends object>(
  defaults: T,
  amount: z.ZodNumber,
): z.ZodOptional<z.ZodType<Partial<T>>> {
  const shape = Object.fromEntries(Object.keys(defaults).map((name) => [name, amount.optional()]));
  // The one cast: the shape has the keys of T, whose values are numbers.
  return (z.strictObject(shape) as unknown as z.ZodType<Partial<T>>).optional();
}

function isLogger(value: unknown): boolean {
  return typeof value === "object" && value !== null &&
    LOGGER_METHODS.every((name) => typeof Reflect.get(value, name) === "function");
}

/** Returns `value` as `schema` has it. @throws {TypeError} for all that is wrong with it */
export function checked<T>(call: string, schema: z.ZodType<T>, value: unknown): T {
  const parsed = parseInput(schema, value);
  if (!parsed.ok) throw wrong(call, parsed.faults);
  return parsed.value;
}

/**
 * The drafts of a call, in any number.
 *
 * @throws {TypeError} for what `POST /messages` refuses in each
 */
export function checkedDrafts(
  call: string,
  drafts: readonly unknown[],
  maxMessageBytes: number,
): readonly Draft[] {
  const sent = drafts.map((draft) => asSent(call, draft));
  const isBatch = sent.length !== 1;
  const unknown = drafts.flatMap((draft, index) => {
    const detail = "is undefined; leave it out to publish to everyone";
    return audienceUndefined(draft).map((name) => (
      { path: isBatch ? [index, name] : [name], detail }
    ));
  });
  if (unknown.length > 0) throw wrong(call, unknown);
  const valid = isBatch
    ? checked(call, z.array(DraftSchema).min(1), sent)
    : [checked(call, DraftSchema, sent[0])];
  const tooLong = findTooLong(valid, { maxMessageBytes, isBatch });
  if (tooLong !== undefined) throw wrong(call, [tooLong]);
  return valid;
}

/** The channel or the user that a caller believes to have given. */
function audienceUndefined(draft: unknown): readonly string[] {
  if (typeof draft !== "object" || draft === null) return [];
  return ["channel", "user"].filter((name) =>
    name in draft && Reflect.get(draft, name) === undefined
  );
}

/** A draft whose content is what its JSON has, so that nobody changes it later. */
function asSent(call: string, draft: unknown): unknown {
  if (typeof draft !== "object" || draft === null || !("content" in draft)) return draft;
  try {
    return { ...draft, content: jsonOf(draft.content) };
  } catch (error) {
    // Such as one with a BigInt, or that has itself as a part.
    const [reason] = String(error).split("\n");
    throw wrong(call, [{ path: ["content"], detail: `expected any JSON: ${reason}` }]);
  }
}

/** `value` as it arrives as JSON: dates are texts, and fields that are undefined are missing. */
export function jsonOf(value: unknown): unknown {
  const text: string | undefined = JSON.stringify(value);
  return text === undefined ? undefined : JSON.parse(text);
}

function wrong(call: string, faults: readonly InputFault[]): TypeError {
  return new TypeError(`${call}: ${faults.map(textOf).join("; ")}`);
}

function textOf({ path, detail }: InputFault): string {
  const place = path.map((part) => typeof part === "number" ? `[${part}]` : `.${String(part)}`)
    .join("").replace(/^\./, "");
  return place === "" ? detail : `${place}: ${detail}`;
}

/** `T` without fields that are `undefined`. */
type Given<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

export function withoutUndefined<T extends object>(fields: T): Given<T> {
  // The one cast: what is left out is what the type leaves out.
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined),
  ) as Given<T>;
}
