/**
 * Reads a page: from the window in memory, and what is older from the stream, subject by subject, so that
 * the cost is that of what the audience missed. What is for several audiences at once lies under one
 * subject, which every reader goes along.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { Message } from "../../ports.ts";
import { messagesOf, sequenceRange, subjectsOf } from "./entry.ts";
import type { Stream } from "./stream.ts";
import type { Window } from "./window.ts";
import { topicOf } from "../topic.ts";

/** Entries that are fetched of one subject, one time after the other; then always the last. */
const FETCHES = [1, 1, 16, 64, 256];

/** What a page is read for. */
export interface PageRequest {
  /** From after this place. */
  readonly after: number;
  /** Up to and including this place. */
  readonly through: number;
  /** Each once. */
  readonly topics: readonly string[];
  /** Most messages. */
  readonly limit: number;
  /** Most bytes of JSON, but always one message if there is one. */
  readonly maxBytes: number;
}

/** What a page is read from. */
export interface PageSources {
  /** The end of the stream. */
  readonly window: Window;
  /** What is older. */
  readonly stream: Pick<Stream, "next" | "some">;
  /** Of the ids. */
  readonly epoch: string;
}

/** A page in order, and whether more follows. */
export interface Page {
  /** In order. */
  readonly messages: readonly Message[];
  /** Whether more follow. */
  readonly more: boolean;
}

/** Something to walk along in order. */
interface Cursor {
  /** Where it stands; nothing past the end. */
  readonly current: Message | undefined;
  advance(): void | Promise<void>;
}

/** Reads what `request` asks for. */
export async function readPage(sources: PageSources, request: PageRequest): Promise<Page> {
  const cursors = await openCursors(sources, request);
  const messages: Message[] = [];
  let bytes = 0;
  for (;;) {
    const first = least(cursors);
    const message = first?.current;
    if (first === undefined || message === undefined || message.sequence > request.through) {
      return { messages, more: false };
    }
    bytes += Buffer.byteLength(JSON.stringify(message));
    const full = messages.length >= request.limit || bytes > request.maxBytes;
    if (full && messages.length > 0) return { messages, more: true };
    messages.push(message);
    const advanced = first.advance();
    if (advanced !== undefined) await advanced;
  }
}

async function openCursors(
  { window, stream, epoch }: PageSources,
  { after, topics, limit }: PageRequest,
): Promise<readonly Cursor[]> {
  // What is in the window now is taken now: it may have moved on when the stream has answered.
  const through = window.after;
  const recent = topics.map((topic) => {
    const from = Math.max(after, sequenceRange.last(through));
    return new RecentCursor(window.read(topic, { after: from, limit: limit + 1 }));
  });
  if (after >= sequenceRange.last(through)) return recent;
  const wanted = new Set(topics);
  const old = subjectsOf(topics).map((subject) => {
    return new StreamCursor({ stream, epoch, subject, wanted, after, through });
  });
  await Promise.all(old.map((cursor) => cursor.advance()));
  return [...recent, ...old];
}

function least(cursors: readonly Cursor[]): Cursor | undefined {
  let least: Cursor | undefined;
  for (const cursor of cursors) {
    const place = cursor.current?.sequence;
    if (place !== undefined && place < (least?.current?.sequence ?? Infinity)) least = cursor;
  }
  return least;
}

/** Along messages that are at hand. */
class RecentCursor implements Cursor {
  readonly #messages: readonly Message[];
  #index = 0;

  constructor(messages: readonly Message[]) {
    this.#messages = messages;
  }

  get current(): Message | undefined {
    return this.#messages[this.#index];
  }

  advance(): void {
    this.#index++;
  }
}

/** A walk along a subject of the stream. */
interface WalkOptions {
  readonly stream: Pick<Stream, "next" | "some">;
  readonly epoch: string;
  readonly subject: string;
  /** The topics whose messages count. */
  readonly wanted: ReadonlySet<string>;
  /** From after this place. */
  readonly after: number;
  /** Up to and including this entry. */
  readonly through: number;
}

/** Along one subject of the stream. */
class StreamCursor implements Cursor {
  readonly #options: WalkOptions;
  #messages: readonly Message[] = [];
  #index = 0;
  #from: number;
  #fetches = 0;
  #ended = false;

  /** It stands nowhere until it is advanced. */
  constructor(options: WalkOptions) {
    this.#options = options;
    this.#from = Math.max(1, sequenceRange.entryOf(options.after));
  }

  get current(): Message | undefined {
    return this.#messages[this.#index];
  }

  async advance(): Promise<void> {
    this.#index++;
    while (this.#index >= this.#messages.length && !this.#ended) await this.#fetch();
  }

  async #fetch(): Promise<void> {
    const { stream, epoch, subject, wanted, after, through } = this.#options;
    const count = FETCHES[Math.min(this.#fetches++, FETCHES.length - 1)] ?? 1;
    this.#index = 0;
    this.#messages = [];
    if (this.#from > through) {
      this.#ended = true;
      return;
    }
    const some = count === 1 ? [] : await stream.some(subject, { from: this.#from, count });
    const next = some.length > 0 ? undefined : await stream.next(subject, this.#from);
    const entries = next === undefined ? some : [next];
    const last = entries.at(-1);
    this.#ended = last === undefined;
    if (last !== undefined) this.#from = last.number + 1;
    this.#messages = entries
      .filter(({ number }) => number <= through)
      .flatMap(({ number, entry }) => messagesOf(entry, { epoch, number }))
      .filter((message) => message.sequence > after && wanted.has(topicOf(message)));
  }
}
