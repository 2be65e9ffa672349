/**
 * The format of an entry of the stream: one publish or one command, so that a batch stays whole.
 *
 * The messages of entry `n` get the last sequences of the thousand that ends at `n * 1000 + 999`, so a position
 * follows from two numbers, and the end of an entry is known without reading it. An entry for one audience has
 * that audience's subject, any other has `mixed`. Subjects contain hashes, because names may be any text.
 *
 * @module
 */

import { createHash } from "node:crypto";
import type { Draft, IdempotencyKey, Json, Message, SharedCommand } from "../../ports.ts";
import { isName } from "../../protocol/names.ts";
import { formatMessageId } from "../message_id.ts";
import { topicOf } from "../topic.ts";

/** Sequences of an entry: the most messages of a publish. */
const SEQUENCES = 1000;
/** The subject of entries for several audiences. */
const MIXED = "mixed";
const COMMANDS = "commands";
const TOKEN_BYTES = 16;

export interface LogEntry {
  /** Unix milliseconds. */
  readonly time: number;
  /** The digest of the idempotency key's body. */
  readonly digest?: string;
  /** Empty in a command. */
  readonly drafts: readonly Draft[];
  /** Its place in the order is among the messages. */
  readonly command?: SharedCommand;
}

/** Converts between entry numbers and sequences. */
export const sequenceRange = {
  /** The last sequence of entry `number`; 999, of entry 0, is the beginning of a stream. */
  last: (number: number): number => number * SEQUENCES + SEQUENCES - 1,
  /** The sequence of the first of `count` messages in entry `number`. */
  first: (number: number, count: number): number => (number + 1) * SEQUENCES - count,
  entryOf: (sequence: number): number => Math.floor(sequence / SEQUENCES),
} as const;

export function encodeEntry({ time, digest, drafts, command }: LogEntry): Uint8Array {
  const rows = drafts.map(({ channel, user, author, content }) => {
    return channel !== undefined
      ? [author, content, channel]
      : user !== undefined
      ? [author, content, null, user]
      : [author, content];
  });
  const json: Json = command !== undefined
    ? [time, rows, null, { ...command }]
    : digest === undefined
    ? [time, rows]
    : [time, rows, digest];
  return new TextEncoder().encode(JSON.stringify(json));
}

/** Decodes an entry; `undefined` for bytes that {@linkcode encodeEntry} did not produce. */
export function decodeEntry(bytes: Uint8Array): LogEntry | undefined {
  let json: Json;
  try {
    json = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
  if (!Array.isArray(json)) return undefined;
  const [time, rows, digest, command] = json;
  if (typeof time !== "number" || !Array.isArray(rows) || rows.length > SEQUENCES) return undefined;
  const drafts: Draft[] = [];
  for (const row of rows) {
    const draft = readRow(row);
    if (draft === undefined) return undefined;
    drafts.push(draft);
  }
  if (command !== undefined) {
    const read = readCommand(command);
    return read && { time, drafts, command: read };
  }
  return typeof digest === "string" ? { time, digest, drafts } : { time, drafts };
}

function readCommand(json: Json): SharedCommand | undefined {
  if (typeof json !== "object" || json === null || Array.isArray(json)) return undefined;
  const { do: what, user, channel, issuedBefore, reply } = json as Readonly<Record<string, Json>>;
  if (!isName(user)) return undefined;
  // A revocation in a stream of its own has no reply: nobody waits for it.
  if (what === "revoke" && typeof issuedBefore === "number" && reply === undefined) {
    return { do: what, user, issuedBefore };
  }
  if (typeof reply !== "string") return undefined;
  if (what === "revoke" && typeof issuedBefore === "number") {
    return { do: what, user, issuedBefore, reply };
  }
  if (what === "disconnect") return { do: what, user, reply };
  if ((what !== "join" && what !== "leave") || !isName(channel)) return undefined;
  return { do: what, user, channel, reply };
}

function readRow(row: Json): Draft | undefined {
  if (!Array.isArray(row)) return undefined;
  const [author, content, channel, user] = row;
  if (typeof author !== "string" || content === undefined) return undefined;
  if (typeof channel === "string") return { channel, author, content };
  if (typeof user === "string") return { user, author, content };
  return { author, content };
}

export function messagesOf(
  { drafts, time }: LogEntry,
  { epoch, number }: { readonly epoch: string; readonly number: number },
): readonly Message[] {
  const first = sequenceRange.first(number, drafts.length);
  return drafts.map((draft, index) => {
    const sequence = first + index;
    return { ...draft, id: formatMessageId(epoch, sequence), sequence, time };
  });
}

/** The subject of a user's newest revocation, below that of the stream of revocations. */
export function revocationSubject(user: string): string {
  return hash(user);
}

/** The entry's subject, below the stream's. */
export function subjectOf({ drafts, command }: LogEntry): string {
  if (command !== undefined) return COMMANDS;
  const [topic, ...others] = new Set(drafts.map(topicOf));
  return topic === undefined || others.length > 0 ? MIXED : topicToken(topic);
}

/** The subjects of every entry that may have messages in `topics`. */
export function subjectsOf(topics: readonly string[]): readonly string[] {
  return topics.length === 0 ? [] : [...topics.map(topicToken), MIXED];
}

function topicToken(topic: string): string {
  return `t.${hash(topic)}`;
}

/** The `Nats-Msg-Id` for an idempotency key. JSON, because a key may be any text. */
export function deduplicationId({ key }: Pick<IdempotencyKey, "key">): string {
  return hash(JSON.stringify(key));
}

function hash(text: string): string {
  return createHash("sha256").update(text).digest().subarray(0, TOKEN_BYTES).toString("base64url");
}
