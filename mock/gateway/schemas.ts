/**
 * The schemas of what the methods of the mock gateway and the routes of the test server both take.
 *
 * @module
 */

import { z } from "@hono/zod-openapi";
import { TOKEN_FAULTS, type TokenFault } from "../issuer.ts";

/** Codes that a close frame may carry (RFC 6455, section 7.4). */
const CLOSE_CODE = (code: number): boolean =>
  (code >= 3000 && code <= 4999) ||
  (code >= 1000 && code <= 1014 && ![1004, 1005, 1006].includes(code));

/** The longest reason of a close frame, in bytes of UTF-8. */
const MAX_REASON_BYTES = 123;

export const unixMs = z.int().nonnegative();
export const faults = {
  stop_heartbeats: z.boolean().openapi({
    description: "The client gets no heartbeats; the gateway goes on as if each were acknowledged",
  }),
  withhold_acks: z.boolean().openapi({
    description: "The client's own heartbeats are not acknowledged",
  }),
  lose_client_acks: z.boolean().openapi({
    description: "The client's ACKs get lost, so that the gateway takes it for silent",
  }),
  delay_ms: z.int().min(0).max(1e9).openapi({
    description: "How long everything takes, each way, in virtual milliseconds",
  }),
};

/** The fields of a close frame. */
export const closeFrame = {
  code: z.int().refine(CLOSE_CODE, { error: "is no code that a close frame may carry" }).openapi({
    example: 4002,
  }),
  reason: z.string().default("")
    .refine((reason) => new TextEncoder().encode(reason).byteLength <= MAX_REASON_BYTES, {
      error: `is longer than ${MAX_REASON_BYTES} bytes`,
    }),
};

export const CloseRequestSchema = z.strictObject(closeFrame).openapi("CloseRequest");

export const FAULT_NAMES = Object.keys(TOKEN_FAULTS) as [TokenFault, ...TokenFault[]];

/** The rows of a table, in a sentence. */
export function describe(table: Readonly<Record<string, string>>): string {
  return Object.entries(table).map(([name, what]) => `\`${name}\`: ${what}`).join("; ");
}
