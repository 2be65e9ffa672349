/**
 * The control routes of recordings: load one, and play it to a client whose clock is in step.
 *
 * @module
 */

import { z } from "@hono/zod-openapi";
import { json } from "../../gateway/http/answer.ts";
import { jsonResponse } from "../../gateway/http/openapi.ts";
import type { App } from "../../gateway/http/types.ts";
import type { Clock } from "../../gateway/ports.ts";
import { toError, withTimeout } from "../../gateway/util.ts";
import { isCloseCode, isCloseReason, MAX_REASON_BYTES } from "../gateway/close_frame.ts";
import type { MockGateway } from "../gateway/gateway.ts";
import { refusal } from "../gateway/refusal.ts";
import { unixMs } from "../gateway/schemas.ts";
import { asTranscript, faultOf } from "../replay/recording.ts";
import { addCommand } from "./command.ts";
import type { RealTime } from "./real_time.ts";
import type { ReplyWait } from "./reply_wait.ts";
import { ClockRequestSchema, TranscriptSchema } from "./schemas.ts";
import { BrokenRuleSchema, elapsing, fellOutOfStep, notInStep } from "./verdict.ts";

/** Real time that a client has to connect, in milliseconds. docs/testing-clients.md names it. */
const CONNECT_LIMIT_MS = 10_000;

/** docs/testing-clients.md names it. */
const MAX_RECORDING_BYTES = 64 * 1024 * 1024;

/** The fields without which an event cannot be played or judged. */
const REQUIRED: Readonly<Record<string, readonly string[]>> = {
  sent: ["frame"],
  received: ["frame"],
  close_sent: ["code"],
  delivered: ["user", "id"],
};

const EntrySchema = z.looseObject({
  at: unixMs.openapi({ description: "Unix milliseconds" }),
  event: z.string().openapi({ description: "Events of other names are ignored" }),
  connection: z.string().optional().openapi({
    description: "In every entry of a transcript, in none of a client's log",
  }),
  frame: z.json().optional().openapi({ type: "object" }),
  code: z.int().optional(),
  reason: z.string().optional(),
}).superRefine((entry, { addIssue }) => {
  for (const name of Object.hasOwn(REQUIRED, entry.event) ? REQUIRED[entry.event] ?? [] : []) {
    if (entry[name] !== undefined) continue;
    addIssue({ code: "custom", path: [name], message: `is missing, expected with ${entry.event}` });
  }
  if (isCloseCode(entry.code ?? 0) && !isCloseReason(entry.reason ?? "")) {
    const message = `is longer than ${MAX_REASON_BYTES} bytes`;
    addIssue({ code: "custom", path: ["reason"], message });
  }
}).openapi("RecordingEntry");

const RequestSchema = z.strictObject({
  recording: z.array(EntrySchema)
    .superRefine((entries, { addIssue }) => {
      const message = faultOf(asTranscript(entries));
      if (message !== undefined) addIssue({ code: "custom", message });
    })
    .openapi({
      description: "The answer of `GET /mock/transcript`, or what a client logged; oldest first",
    }),
}).openapi("ReplayRequest");

const LoadedSchema = z.object({
  connections: z.int().openapi({ description: "How many there are in the recording" }),
  recorded: z.object({
    client: BrokenRuleSchema,
    gateway: z.object({
      at: z.int(),
      elapsed_ms: z.int(),
      connection: z.string(),
      expected: z.string(),
      actual: z.string(),
    }).nullable().openapi({ description: "The first difference from this gateway" }),
  }),
}).openapi("LoadedRecording");

const OutcomeSchema = z.object({
  broken: BrokenRuleSchema,
  transcript: TranscriptSchema,
}).openapi("Replay");

export interface ReplayDeps {
  readonly gateway: MockGateway;
  readonly time: RealTime;
  readonly replyWait: ReplyWait;
  /** Real time. */
  readonly clock: Clock;
  /** Returns whether the clock of the clients is in step. */
  isInStep(): boolean;
}

export function addReplay(
  app: App,
  { gateway, time, replyWait, clock, isInStep }: ReplayDeps,
): void {
  addCommand(app, {
    path: "/mock/replay",
    summary: "Load a recording, which clients are connected to until the next reset",
    schema: RequestSchema,
    maxBytes: MAX_RECORDING_BYTES,
    success: { 200: jsonResponse("What the recording shows", LoadedSchema) },
    run: async ({ recording }) => {
      time.stop();
      const { recorded: { client, gateway: deviation }, left } = await gateway.replay(recording);
      const timed = elapsing(gateway.clock);
      return json(200, {
        connections: left,
        recorded: {
          client: client ? timed(client) : null,
          gateway: deviation ? timed(deviation) : null,
        },
      });
    },
  });
  addCommand(app, {
    path: "/mock/replay/run",
    summary: "Wait for a client, play the recording to it, and judge what it does",
    schema: z.strictObject({ patience_ms: ClockRequestSchema.shape.patience_ms })
      .openapi("ReplayRun"),
    success: { 200: jsonResponse("The verdict", OutcomeSchema) },
    run: async ({ patience_ms }) => {
      const { loaded } = gateway;
      if (loaded === undefined) {
        const detail = "Load a recording first: POST /mock/replay.";
        return refusal({ status: 409, code: "no_recording", title: "Conflict", detail });
      }
      if (!isInStep()) return notInStep();
      const late = () => new Error(`No client has connected within ${CONNECT_LIMIT_MS / 1000} s.`);
      const missing = await withTimeout(loaded.connected, { clock, ms: CONNECT_LIMIT_MS, late })
        .catch(toError);
      if (missing !== undefined) {
        const detail = missing.message;
        return refusal({ status: 409, code: "no_clients", title: "Conflict", detail });
      }
      time.stop();
      const { broken, transcript } = await replyWait.within(patience_ms, () => loaded.run());
      if (!isInStep()) return fellOutOfStep();
      const timed = elapsing(gateway.clock);
      return json(200, {
        broken: broken ? timed(broken) : null,
        transcript: transcript.map(timed),
      });
    },
  });
}
