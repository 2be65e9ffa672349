/**
 * How a publish is written into the stream: one entry for one publish, which is what keeps a batch whole.
 *
 * The messages of entry number `n` take the last sequenceRange of the thousand that end at `n * 1000 + 999`: so
 * the end of an entry is known without reading it, and a place in the order is known from two numbers.
 * An entry whose messages are all for one audience lies under that audience's subject, any other under
 * `mixed`. Names are hashed in subjects, because they may be any text of any length; the entry has them.
 *
 * @module
 */

import { createHash } from "node:crypto";
import type { Draft, IdempotencyKey, Json, Message, SharedCommand } from "../../ports.ts";
import { isName } from "../../protocol/names.ts";
import { formatMessageId } from "../message_id.ts";
import { topicOf } from "../sqlite/topic.ts";

/** Places that an entry has: as many messages as a publish may have at most. */
const PLACES = 1000;
/** The subject of what is for several audiences. */
const MIXED = "mixed";
/** The subject of commands, which nobody reads as messages. */
const COMMANDS = "commands";
const TOKEN_BYTES = 16;

/** An entry as it is in the stream. */
export interface LogEntry {
  /** Unix milliseconds. */
  readonly time: number;
  /** Of the idempotency key it was published under. */
  readonly digest?: string;
  /** What was published; nothing in a command. */
  readonly drafts: readonly Draft[];
  /** What one node tells all of them, in its order among the messages. */
  readonly command?: SharedCommand;
}

/** Where the messages of an entry begin and end. */
export const sequenceRange = {
  /** The place of the last message of entry `number`, whatever is in it; 999 is where a stream begins. */
  last: (number: number): number => number * PLACES + PLACES - 1,
  /** The place of the first of `count` messages in entry `number`. */
  first: (number: number, count: number): number => (number + 1) * PLACES - count,
  /** The entry that has `place`. */
  entryOf: (place: number): number => Math.floor(place / PLACES),
} as const;

/** The bytes of an entry. */
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

/** Reads an entry; `undefined` for what {@linkcode encodeEntry} did not make. */
export function decodeEntry(bytes: Uint8Array): LogEntry | undefined {
  let json: Json;
  try {
    json = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
  if (!Array.isArray(json)) return undefined;
  const [time, rows, digest, command] = json;
  if (typeof time !== "number" || !Array.isArray(rows) || rows.length > PLACES) return undefined;
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
  const { do: what, user, channel, reply } = json as Readonly<Record<string, Json>>;
  if (!isName(user) || typeof reply !== "string") return undefined;
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

/** The messages of `entry`, which has this number in the stream. */
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

/** The end of the subject for an entry. */
export function subjectOf({ drafts, command }: LogEntry): string {
  if (command !== undefined) return COMMANDS;
  const [topic, ...others] = new Set(drafts.map(topicOf));
  return topic === undefined || others.length > 0 ? MIXED : topicToken(topic);
}

/** The ends of the subjects under which everything lies that is in `topics`. */
export function subjectsOf(topics: readonly string[]): readonly string[] {
  return topics.length === 0 ? [] : [...topics.map(topicToken), MIXED];
}

function topicToken(topic: string): string {
  return `t.${hash(topic)}`;
}

/** What NATS knows an idempotency key by: keys may be any text, and JSON tells all texts apart. */
export function deduplicationId({ key }: Pick<IdempotencyKey, "key">): string {
  return hash(JSON.stringify(key));
}

function hash(text: string): string {
  return createHash("sha256").update(text).digest().subarray(0, TOKEN_BYTES).toString("base64url");
}
