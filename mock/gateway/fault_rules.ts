/**
 * Rules: single faults as data. Each names the events that it matches and what goes wrong with them. It
 * decides nothing about sockets; `link.ts` carries out what a rule says.
 *
 * @module
 */

import type { Json } from "../../gateway/ports.ts";
import { checked } from "./input.ts";
import {
  eventOf,
  type FaultRule,
  type NewFaultRule,
  type RuleAction,
  type RuleEvent,
  type RuleMatch,
} from "./rule.ts";
import { RuleSchema } from "./rule_schemas.ts";
import { fieldOf } from "./transcript.ts";

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

  /** Adds a rule for the events from now on. @throws {TypeError} if it is none, or can never apply */
  add(rule: NewFaultRule): FaultRule {
    const checkedRule = checked("rules.add()", RuleSchema, rule);
    const { match = {}, action } = checkedRule;
    const on = eventOf(match, action);
    const added = { id: `r${++this.#count}`, ...checkedRule, match: { ...match, on }, applied: 0 };
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
