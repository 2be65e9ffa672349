/**
 * The schemas of rules, which validate, type and document them.
 *
 * @module
 */

import { z } from "@hono/zod-openapi";
import {
  faultOfRule,
  type NewFaultRule,
  RULE_ACTIONS,
  RULE_EVENTS,
  type RuleEvent,
} from "./rule.ts";
import { closeFrame, describe } from "./schemas.ts";

const EVENTS = Object.keys(RULE_EVENTS) as [RuleEvent, ...RuleEvent[]];

const MatchSchema = z.strictObject({
  on: z.enum(EVENTS).optional().openapi({
    description: describe(RULE_EVENTS) + ". `received` for op 1, `handshake` for `refuse`, else " +
      "`sent`, unless given",
  }),
  connection: z.string().optional().openapi({ description: "Its `id`", example: "c1" }),
  user: z.string().optional().openapi({
    description: "The user of the connection, which is known from Ready on",
  }),
  op: z.int().optional().openapi({ description: "The `op` of the frame", example: 3 }),
  replayed: z.boolean().optional().openapi({
    description: "`true` for messages of a replay, `false` for all other frames",
  }),
  nth: z.int().min(1).optional().openapi({
    description: "Only the nth of these events on each connection, from 1",
  }),
}).openapi("RuleMatch");

const simple = ["lose", "hold", "duplicate", "corrupt", "acknowledge", "drop"] as const;

const SendSchema = z.strictObject({
  type: z.literal("send"),
  text: z.string().optional(),
  frame: z.json().optional(),
}).transform(({ type, text, frame }, context) => {
  if (text !== undefined && frame === undefined) return { type, text };
  if (text === undefined && frame !== undefined) return { type, frame };
  const given = text === undefined ? "neither text nor frame" : "both text and frame";
  context.addIssue(`has ${given}, expected one of them`);
  return z.NEVER;
});

const ActionSchema = z.discriminatedUnion("type", [
  z.strictObject({ type: z.enum(simple) }),
  z.strictObject({ type: z.literal("delay"), ms: z.int().min(0).max(1e9) }),
  SendSchema,
  z.strictObject({ type: z.literal("close"), ...closeFrame }),
  z.strictObject({ type: z.literal("refuse"), status: z.int().min(400).max(599).optional() }),
], {
  error: ({ code }) =>
    code === "invalid_union"
      ? `expected one of ${Object.keys(RULE_ACTIONS).join(", ")}`
      : undefined,
}).openapi("RuleAction", {
  type: "object",
  description: describe(RULE_ACTIONS),
  properties: {
    type: { type: "string", enum: Object.keys(RULE_ACTIONS) },
    ms: { type: "integer" },
    text: { type: "string" },
    frame: { description: "Any JSON" },
    code: { type: "integer" },
    reason: { type: "string" },
    status: { type: "integer" },
  },
  required: ["type"],
});

const rule = {
  match: MatchSchema.optional(),
  action: ActionSchema,
  times: z.int().min(1).optional().openapi({
    description: "How often it applies at most; until it is removed unless given",
  }),
};

export const RuleSchema = z.strictObject(rule).superRefine((value, context) => {
  const fault = faultOfRule(value);
  if (fault !== undefined) context.addIssue({ code: "custom", ...fault });
}).openapi("NewRule") satisfies z.ZodType<NewFaultRule>;

export const RulesSchema = z.array(
  z.object({
    id: z.string().openapi({ example: "r1" }),
    ...rule,
    applied: z.int().openapi({ description: "How often it has applied" }),
  }).openapi("Rule"),
);
