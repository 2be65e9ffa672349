/**
 * The parts of a rule: the events that it can match, the faults that it can inflict, and which of them fit together.
 *
 * @module
 */

import type { Json } from "../../gateway/ports.ts";
import { Op } from "../../gateway/protocol/mod.ts";

/** Every action of a rule, in words. docs/testing-clients.md and the OpenAPI document are made from it. */
export const RULE_ACTIONS = {
  lose: "the frame is lost",
  delay: "the frame, and all that follow it, take `ms` longer, in virtual time",
  hold: "the frame, and all that follow it, wait until the rule is removed",
  duplicate: "the frame arrives twice",
  corrupt: "only the first half of its text arrives",
  send: "the client gets this `text`, or this `frame` as JSON, before anything else happens",
  acknowledge: "a Heartbeat is lost, and the gateway sees it as acknowledged",
  drop: "the connection ends without a close frame; the frame is lost",
  close: "the connection is closed with `code` and `reason`; the frame is lost",
  refuse: "the handshake, or the publish, is answered with `status`; 503 unless given",
} as const;

/** The kind of event that a rule matches. */
export type RuleEvent = "sent" | "received" | "handshake" | "publish";

/** The events that a rule can match, in words. */
export const RULE_EVENTS: Readonly<Record<RuleEvent, string>> = {
  sent: "a frame of the gateway",
  received: "a frame of the client",
  handshake: "a client connects",
  publish: "the backend calls `POST /messages`",
};

/** Conditions on an event; one that is left out holds for all. */
export interface RuleMatch {
  /** `received` for an Identify, `handshake` for `refuse`, else `sent`, unless given. */
  readonly on?: RuleEvent | undefined;
  /** The id of the connection. */
  readonly connection?: string | undefined;
  /** The user of the connection, which is known from Ready on. */
  readonly user?: string | undefined;
  /** The `op` of the frame. */
  readonly op?: number | undefined;
  /** True for messages of a replay, false for all other frames. */
  readonly replayed?: boolean | undefined;
  /** Only the nth of these events on each connection, from 1. */
  readonly nth?: number | undefined;
}

/** A fault, with what it needs. */
export type RuleAction =
  | {
    /** See {@linkcode RULE_ACTIONS}. */
    readonly type: "lose" | "hold" | "duplicate" | "corrupt" | "acknowledge" | "drop";
  }
  | { readonly type: "delay"; readonly ms: number }
  | { readonly type: "send"; readonly text: string }
  | { readonly type: "send"; readonly frame: Json }
  | { readonly type: "close"; readonly code: number; readonly reason?: string | undefined }
  | { readonly type: "refuse"; readonly status?: number | undefined };

/** A rule as it is added. */
export interface NewFaultRule {
  /** The events; without it, every frame that the gateway sends. */
  readonly match?: RuleMatch | undefined;
  /** The fault. */
  readonly action: RuleAction;
  /** How often it applies at most; without it, until it is removed. */
  readonly times?: number | undefined;
}

/** A rule in force. */
export interface FaultRule extends NewFaultRule {
  /** `r1`, `r2`… */
  readonly id: string;
  /** How often it has applied. */
  readonly applied: number;
}

/** A rule that can never apply: the field to blame, and the reason. */
export interface RuleFault {
  readonly path: ["action"] | ["match", keyof RuleMatch];
  readonly message: string;
}

/** Returns why a rule can never apply; `undefined` if it can. */
export function faultOfRule({ match = {}, action }: NewFaultRule): RuleFault | undefined {
  const on = eventOf(match, action);
  const { op, replayed } = match;
  const hasFrames = on === "sent" || on === "received";
  const wrongAction = (message: string): RuleFault => ({ path: ["action"], message });
  if (action.type === "refuse" && hasFrames) {
    return wrongAction("refuse is for handshakes and publishes");
  }
  if (action.type !== "refuse" && !hasFrames) {
    return wrongAction(`${action.type} is for frames, not for ${on}`);
  }
  const foreign = (["connection", "user", "op", "replayed"] as const)
    .find((name) => match[name] !== undefined);
  if (!hasFrames && foreign !== undefined) {
    return { path: ["match", foreign], message: `a ${on} has no ${foreign}` };
  }
  if (op !== undefined && op < 0) {
    return { path: ["match", "op"], message: "no frame has a negative op" };
  }
  if (replayed === true && (on === "received" || (op ?? Op.Message) !== Op.Message)) {
    const message = `only messages of the gateway are replayed: sent, op ${Op.Message}`;
    return { path: ["match", "replayed"], message };
  }
  if (action.type === "acknowledge" && (on !== "sent" || op !== Op.Heartbeat)) {
    return wrongAction(`acknowledge is for heartbeats that are sent, op ${Op.Heartbeat}`);
  }
  return undefined;
}

/** The kind of event that a rule matches, also if it does not say so. */
export function eventOf({ on, op }: RuleMatch, action: RuleAction): RuleEvent {
  if (on !== undefined) return on;
  if (action.type === "refuse") return "handshake";
  return op === Op.Identify ? "received" : "sent";
}
