/**
 * The schemas of the control routes. They validate requests, type them, and describe them in the OpenAPI
 * document.
 *
 * @module
 */

import { z } from "@hono/zod-openapi";
import { TRANSCRIPT_EVENTS, type TranscriptEntry } from "../gateway/transcript.ts";
import { describe, faults, NOT_EMPTY, startMs, token, unixMs } from "../gateway/schemas.ts";
import { toJsonNames } from "./names.ts";
import { DEFAULT_REPLY_WAIT_MS } from "./reply_wait.ts";

const run = z.enum(["real", "stopped"]);

export const ClockRequestSchema = z.strictObject({
  advance_ms: z.int().min(0).max(1e12).optional().openapi({
    description: "How far to move virtual time on",
    example: 45_000,
  }),
  run: run.optional().openapi({
    description: "`real` lets virtual time run by itself with real time, `stopped` holds it",
  }),
  patience_ms: z.int().min(0).max(60_000).default(DEFAULT_REPLY_WAIT_MS).openapi({
    description: "How long, in real time, a client has to answer before time goes on without it",
  }),
}).refine((request) => request.advance_ms !== undefined || request.run !== undefined, {
  error: "neither advance_ms nor run, expected one of them or both",
}).openapi("ClockRequest");

export const ClockSchema = z.object({
  now: unixMs.openapi({ description: "Virtual time in unix milliseconds" }),
  elapsed_ms: z.int().openapi({ description: "Virtual milliseconds since the start" }),
  run,
  next_due: unixMs.nullable().openapi({
    description: "When something is due next, in unix milliseconds of virtual time",
  }),
}).openapi("Clock");

const jsonFaults = toJsonNames(faults);

export const FaultsSchema = z.object(jsonFaults).openapi("Faults");

/** Faults that are left out stay as they are. */
export const FaultsRequestSchema = z.strictObject(jsonFaults).partial().refine(...NOT_EMPTY)
  .openapi("FaultsRequest");

export const ConnectionSchema = z.object({
  id: z.string().openapi({ example: "c1" }),
  address: z.string(),
  phase: z.string().openapi({ description: "What its session is at", example: "ready" }),
  user: z.string().nullable().openapi({ description: "The user of a ready session" }),
  half_open: z.boolean(),
  faults: FaultsSchema,
}).openapi("Connection");

export const ConnectionPathSchema = z.object({
  connection: z.string().openapi({
    description: "The `id` of a connection, or `all`",
    example: "all",
  }),
});

export const AffectedSchema = z.object({ connections: z.array(z.string()) }).openapi("Affected");

export const DropRequestSchema = z.strictObject({
  half_open: z.boolean().default(false).openapi({
    description: "Tell neither side: the connection stays, but nothing passes any more",
  }),
}).openapi("DropRequest");

export const SendRequestSchema = z.union([
  z.strictObject({ text: z.string() }),
  z.strictObject({ frame: z.json() }),
], { error: "expected either text or frame" }).openapi("SendRequest", {
  type: "object",
  properties: { text: { type: "string" }, frame: { description: "Any JSON" } },
});

const { user, channels, expiresInS: expires_in, fault, claims } = token;

export const TokenRequestSchema = z.strictObject({ user, channels, expires_in, fault, claims })
  .openapi("TokenRequest");

export const TokenSchema = z.object({ token: z.string() }).openapi("MockToken");

const event = z.enum(
  Object.keys(TRANSCRIPT_EVENTS) as [TranscriptEntry["event"], ...TranscriptEntry["event"][]],
).openapi({ description: describe(TRANSCRIPT_EVENTS), example: "sent" });

export const TranscriptQuerySchema = z.strictObject({
  connection: z.string().optional().openapi({ description: "Only of this connection" }),
  event: event.optional().openapi({ description: "Only this kind" }),
});

export const TranscriptSchema = z.array(
  z.looseObject({
    at: unixMs.openapi({ description: "Virtual time in unix milliseconds" }),
    elapsed_ms: z.int().openapi({ description: "Virtual milliseconds since the start" }),
    connection: z.string(),
    event,
  }).openapi("TranscriptEntry"),
);

export const ResetRequestSchema = z.strictObject({
  start_ms: startMs.openapi({
    description:
      "Unix milliseconds at which virtual time begins; where it began before unless given, " +
      "also if an earlier reset set that",
  }),
}).openapi("ResetRequest");
