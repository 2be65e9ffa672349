/**
 * The control route of chaos: faults by a seed, against a client whose clock is in step.
 *
 * @module
 */

import { z } from "@hono/zod-openapi";
import { json, noContent } from "../../gateway/http/answer.ts";
import { jsonResponse } from "../../gateway/http/openapi.ts";
import type { App } from "../../gateway/http/types.ts";
import { CHAOS_FAULTS, runChaos } from "../chaos/chaos.ts";
import type { MockGateway } from "../gateway/gateway.ts";
import { refusal } from "../gateway/refusal.ts";
import { chaos, DeliveredSchema, describe } from "../gateway/schemas.ts";
import { addCommand } from "./command.ts";
import type { RealTime } from "./real_time.ts";
import type { ReplyWait } from "./reply_wait.ts";
import { ClockRequestSchema, TranscriptSchema } from "./schemas.ts";
import { BrokenRuleSchema, elapsing, fellOutOfStep, notInStep } from "./verdict.ts";

const RequestSchema = z.strictObject({
  ...chaos,
  patience_ms: ClockRequestSchema.shape.patience_ms,
}).openapi("ChaosRequest");

const OutcomeSchema = z.object({
  seed: z.int(),
  minutes: z.int(),
  broken: BrokenRuleSchema,
  faults: z.record(z.string(), z.int()).openapi({
    description: `How often each was inflicted. ${describe(CHAOS_FAULTS)}`,
  }),
  messages: z.int().openapi({ description: "Messages that were published" }),
  transcript: TranscriptSchema,
}).openapi("Chaos");

export interface ChaosDeps {
  readonly gateway: MockGateway;
  readonly time: RealTime;
  readonly replyWait: ReplyWait;
  /** Returns whether the clock of the clients is in step. */
  isInStep(): boolean;
}

export function addChaos(app: App, { gateway, time, replyWait, isInStep }: ChaosDeps): void {
  addCommand(app, {
    path: "/mock/delivered",
    summary: "Tell what a client gave to its app, to be judged, too",
    schema: DeliveredSchema,
    success: { 204: { description: "It is in the transcript" } },
    run: ({ user, ids }) => {
      gateway.delivered(user, ids);
      return Promise.resolve(noContent());
    },
  });
  addCommand(app, {
    path: "/mock/chaos",
    summary: "Let things go wrong by a seed, and judge what clients do",
    schema: RequestSchema,
    success: { 200: jsonResponse("The verdict", OutcomeSchema) },
    run: async ({ seed, minutes, patience_ms }) => {
      if (!isInStep()) return notInStep();
      time.stop();
      const { resets } = gateway;
      let outcome: Awaited<ReturnType<typeof runChaos>>;
      try {
        outcome = await replyWait.within(patience_ms, () => runChaos(gateway, { seed, minutes }));
      } catch (error) {
        if (gateway.resets === resets) throw error;
        const detail = "The test server was reset meanwhile.";
        return refusal({ status: 409, code: "reset", title: "Conflict", detail });
      }
      if (!isInStep()) return fellOutOfStep();
      if (outcome === "no clients") {
        const detail = "Expected connections that are ready, each of another user.";
        return refusal({ status: 409, code: "no_clients", title: "Conflict", detail });
      }
      const { broken, transcript, faults, messages } = outcome;
      const timed = elapsing(gateway.clock);
      return json(200, {
        seed,
        minutes,
        broken: broken ? timed(broken) : null,
        faults,
        messages,
        transcript: transcript.map(timed),
      });
    },
  });
}
