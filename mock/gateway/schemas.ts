/**
 * The schemas of what the methods of the mock gateway and the routes of the test server both take.
 *
 * @module
 */

import { z } from "@hono/zod-openapi";
import { TOKEN_FAULTS, type TokenFault, type TokenOptions } from "../issuer.ts";
import { isCloseCode, isCloseReason, MAX_REASON_BYTES } from "./close_frame.ts";
import type { Faults } from "./faults.ts";

export const unixMs = z.int().nonnegative();

/** The latest time of a date. */
const MAX_DATE_MS = 8.64e15;

export const startMs = unixMs.max(MAX_DATE_MS).optional();

export const faults = {
  stopHeartbeats: z.boolean().openapi({
    description: "The client gets no heartbeats; the gateway goes on as if each were acknowledged",
  }),
  withholdAcks: z.boolean().openapi({
    description: "The client's own heartbeats are not acknowledged",
  }),
  loseClientAcks: z.boolean().openapi({
    description: "The client's ACKs get lost, so that the gateway takes it for silent",
  }),
  delayMs: z.int().min(0).max(1e9).openapi({
    description: "How long everything takes, each way, in virtual milliseconds",
  }),
} satisfies Readonly<Record<keyof Faults, z.ZodType>>;

/** For `refine`: faults that are left out stay as they are. */
export const NOT_EMPTY = [
  (fields: object): boolean => Object.keys(fields).length > 0,
  {
    error: "empty, expected a fault",
    // A misspelt one is no fault either, and has been named.
    when: ({ issues }: z.core.ParsePayload): boolean => issues.length === 0,
  },
] as const;

/** The fields of a close frame. */
export const closeFrame = {
  code: z.int().refine(isCloseCode, { error: "is no code that a close frame may carry" }).openapi({
    example: 4002,
  }),
  reason: z.string().default("")
    .refine(isCloseReason, { error: `is longer than ${MAX_REASON_BYTES} bytes` }),
};

export const CloseRequestSchema = z.strictObject(closeFrame).openapi("CloseRequest");

/** The claims of a token, beside `expires_in` of the route and `expiresInS` of the method. */
export const token = {
  user: z.string().optional().openapi({ description: "`alice` unless given" }),
  channels: z.array(z.string()).optional().openapi({ description: '`["general"]` unless given' }),
  expiresInS: z.int().min(-1e9).max(1e9).optional().openapi({
    description: "Virtual seconds until it expires; 3600 unless given",
  }),
  fault: z.enum(Object.keys(TOKEN_FAULTS) as [TokenFault, ...TokenFault[]]).optional().openapi({
    description: describe(TOKEN_FAULTS),
  }),
  // Of a caller in JavaScript, undefined removes a claim; JSON has none.
  claims: z.record(z.string(), z.json().optional()).optional().openapi({
    type: "object",
    description: "Claims besides the usual ones, or in their place",
  }),
} satisfies Readonly<Record<keyof TokenOptions, z.ZodType>>;

export const DeliveredSchema = z.strictObject({
  user: z.string().openapi({ description: "The user of the client", example: "alice" }),
  ids: z.array(z.string()).min(1).openapi({ description: "In the order in which they were given" }),
}).openapi("Delivered");

/** How long chaos lasts, and what it draws from. */
export const chaos = {
  seed: z.int().nonnegative().openapi({
    description: "The same seed, client and state of the server give the same chaos",
    example: 42,
  }),
  minutes: z.int().min(1).max(10_000).openapi({ description: "Virtual minutes", example: 60 }),
};

/** The rows of a table, in a sentence. */
export function describe(table: Readonly<Record<string, string>>): string {
  return Object.entries(table).map(([name, what]) => `\`${name}\`: ${what}`).join("; ");
}
