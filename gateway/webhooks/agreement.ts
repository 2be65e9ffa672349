/**
 * Decides, from the answers of all nodes, whether this one tells the backend about a user. Pure.
 *
 * Each node has an entry for every user that came or went there, until the backend believes what is so. Of several
 * nodes with an entry, one tells: not before the last change has lasted for the debounce, and not while another is
 * telling. To tell twice is harmless, and happens when a node or an answer is lost.
 *
 * @module
 */

import type { NodeEntry, NodeState, UserBelief, UserState } from "../ports.ts";

/** The answer of one node about one user. */
export type Answer = NodeState & { readonly node: string };

export interface Question {
  readonly user: string;
  /** This node, and what it has. */
  readonly node: string;
  readonly connections: number;
  readonly belief: UserBelief;
  readonly certain: boolean;
  /** Nodes that had an entry too, and have not said since what the backend believes. */
  readonly others: ReadonlySet<string>;
  /** Nodes that asked before this one did. */
  readonly ahead: ReadonlySet<string>;
}

export type Decision =
  /** Another node may tell; ask again. */
  | { readonly wait: true }
  | {
    readonly wait: false;
    /** On all nodes together. */
    readonly connections: number;
    readonly belief: UserState | "uncertain";
  };

/** @param answers of the other nodes */
export function decide(question: Question, answers: readonly Answer[]): Decision {
  for (const { entry, node } of answers) {
    if (entry !== undefined && goesFirst(entry.phase, { question, node })) return { wait: true };
  }
  const connections = answers.reduce((sum, each) => sum + each.connections, question.connections);
  return { wait: false, connections, belief: beliefOf(question, answers) };
}

function goesFirst(
  phase: NodeEntry["phase"],
  { question: { user, node: own, ahead }, node }: {
    readonly question: Question;
    readonly node: string;
  },
): boolean {
  switch (phase) {
    case "fresh":
    case "sending":
      return true;
    case "asking":
      return ahead.has(node) || weight(user, node) > weight(user, own);
    case "due":
      return false;
  }
}

/** Rendezvous hashing (FNV-1a): of nodes that ask at the same time, the one with the greatest weight tells. */
function weight(user: string, node: string): number {
  let hash = 0x811c9dc5;
  for (const character of `${node} ${user}`) {
    hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193);
  }
  return hash >>> 0;
}

function beliefOf(
  { belief, certain, others }: Question,
  answers: readonly Answer[],
): UserState | "uncertain" {
  const entries = answers.flatMap(({ entry }) => entry ?? []);
  const withEntry = new Set(answers.flatMap(({ node, entry }) => entry === undefined ? [] : node));
  // One that had an entry and has none has perhaps told something.
  const missed = [...others].some((node) => !withEntry.has(node));
  const all = [{ belief, certain }, ...entries];
  if (missed || all.some((each) => each.belief === "uncertain")) return "uncertain";
  // One that waits does not hear at once of what another has told.
  const known = statesIn(all.filter((each) => each.certain)) ?? statesIn(all);
  if (known !== undefined) return known;
  // A node without an entry has told of the users that are connected to it.
  const told = answers.some(({ connections, entry }) => connections > 0 && entry === undefined);
  return told ? "online" : "offline";
}

/** The state that `beliefs` have in common; `undefined` if none of them is known. */
function statesIn(
  beliefs: readonly Pick<NodeEntry, "belief">[],
): UserState | "uncertain" | undefined {
  const online = beliefs.some(({ belief }) => belief === "online");
  const offline = beliefs.some(({ belief }) => belief === "offline");
  if (online && offline) return "uncertain";
  return online ? "online" : offline ? "offline" : undefined;
}
