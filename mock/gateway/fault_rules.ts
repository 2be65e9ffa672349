/**
 * Rules: single faults as data. Each names the events that it matches and what goes wrong with them. It
 * decides nothing about sockets; `link.ts` carries out what a rule says.
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

/** An event to compare with the rules. */
export interface RuleSubject {
  /** Its kind. */
  readonly on: RuleEvent;
  /** The id of the connection; absent before there is one. */
  readonly connection?: string;
  /** The user of the connection, if it is known. */
  readonly user?: string | undefined;
  /** The frame that is sent or received. */
  readonly frame?: Json;
}

/** An action, and the id of its rule. */
export interface DueAction {
  /** The id. */
  readonly rule: string;
  /** The action. */
  readonly action: RuleAction;
}

interface Stored {
  rule: FaultRule;
  /** Matching events so far, by connection. */
  readonly counts: Map<string, number>;
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

function eventOf({ on, op }: RuleMatch, action: RuleAction): RuleEvent {
  if (on !== undefined) return on;
  if (action.type === "refuse") return "handshake";
  return op === Op.Identify ? "received" : "sent";
}

/** The rules of a gateway, oldest first. All that match an event apply. */
export class FaultRules {
  readonly #removed: (id: string) => void;
  #rules: Stored[] = [];
  #count = 0;

  /** Starts without rules. @param removed called with the id of each rule that is removed */
  constructor(removed: (id: string) => void) {
    this.#removed = removed;
  }

  /** Those that were not removed, oldest first, including those that have applied `times` times. */
  get list(): readonly FaultRule[] {
    return this.#rules.map(({ rule }) => rule);
  }

  /** Adds a rule for the events from now on. @throws {TypeError} if it can never apply */
  add(rule: NewFaultRule): FaultRule {
    const fault = faultOfRule(rule);
    if (fault !== undefined) throw new TypeError(`${fault.path.join(".")}: ${fault.message}`);
    const { match = {}, action } = rule;
    const on = eventOf(match, action);
    const added = { id: `r${++this.#count}`, ...rule, match: { ...match, on }, applied: 0 };
    this.#rules.push({ rule: added, counts: new Map() });
    return added;
  }

  /** Removes a rule; releases the frames that it holds. Returns false if there is none with this id. */
  remove(id: string): boolean {
    const before = this.#rules.length;
    this.#rules = this.#rules.filter(({ rule }) => rule.id !== id);
    if (this.#rules.length === before) return false;
    this.#removed(id);
    return true;
  }

  /** Removes all rules. */
  clear(): void {
    for (const { id } of this.list) this.remove(id);
  }

  /** Removes all rules, and starts again at `r1`. */
  reset(): void {
    this.clear();
    this.#count = 0;
  }

  /** Counts an event, and returns what the rules do to it. */
  apply(subject: RuleSubject): readonly DueAction[] {
    return this.#rules.flatMap((stored) => {
      const { rule, counts } = stored;
      const { match = {}, action, times = Infinity } = rule;
      if (!matches(match, subject)) return [];
      const key = subject.connection ?? "";
      const count = (counts.get(key) ?? 0) + 1;
      counts.set(key, count);
      if (match.nth !== undefined && match.nth !== count) return [];
      if (rule.applied >= times) return [];
      stored.rule = { ...rule, applied: rule.applied + 1 };
      return [{ rule: rule.id, action }];
    });
  }
}

/** True if `subject` meets every condition but `nth`. */
export function matches(
  { on, connection, user, op, replayed }: RuleMatch,
  subject: RuleSubject,
): boolean {
  return on === subject.on &&
    (connection === undefined || connection === subject.connection) &&
    (user === undefined || user === subject.user) &&
    (op === undefined || op === fieldOf(subject.frame, "op")) &&
    (replayed === undefined || replayed === (fieldOf(subject.frame, "replayed") === true));
}

export function has(due: readonly DueAction[], type: RuleAction["type"]): boolean {
  return due.some(({ action }) => action.type === type);
}

/** How often the frame arrives. */
export function copiesOf(due: readonly DueAction[]): number {
  const lost = due.some(({ action: { type } }) =>
    type === "lose" || type === "acknowledge" || type === "drop" || type === "close"
  );
  return lost ? 0 : 1 + due.filter(({ action }) => action.type === "duplicate").length;
}

/** By how many milliseconds the frame is late. */
export function delayOf(due: readonly DueAction[]): number {
  return due.reduce((sum, { action }) => sum + (action.type === "delay" ? action.ms : 0), 0);
}

export function firstHalf(data: string): string;
export function firstHalf(data: string | Uint8Array): string | Uint8Array;
export function firstHalf(data: string | Uint8Array): string | Uint8Array {
  return data.slice(0, Math.floor(data.length / 2));
}

/** A field of a frame; `undefined` if it has none, or is no object. */
export function fieldOf(frame: Json | undefined, name: string): Json | undefined {
  return isObject(frame) ? frame[name] : undefined;
}

function isObject(value: Json | undefined): value is { readonly [key: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
