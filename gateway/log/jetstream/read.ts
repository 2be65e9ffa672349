/**
 * Reads a page: recent messages from the window, older ones from the stream, subject by subject, so that the
 * cost is that of what the audience missed. Entries for several audiences share one subject, which every reader
 * reads.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { Message } from "../../ports.ts";
import { messagesOf, sequenceRange, subjectsOf } from "./entry.ts";
import type { Stream } from "./stream.ts";
import type { Window } from "./window.ts";
import { topicOf } from "../topic.ts";

/** Entries of a subject in each successive fetch; the last number repeats. */
const FETCHES = [1, 1, 16, 64, 256];

export interface PageRequest {
  /** Exclusive. */
  readonly after: number;
  /** Inclusive. */
  readonly through: number;
  /** Each once. */
  readonly topics: readonly string[];
  /** Most messages. */
  readonly limit: number;
  /** Most bytes of JSON, but always one message if there is one. */
  readonly maxBytes: number;
}

export interface PageSources {
  readonly window: Window;
  readonly stream: Pick<Stream, "next" | "some">;
  readonly epoch: string;
}

export interface Page {
  readonly messages: readonly Message[];
  readonly more: boolean;
}

interface Cursor {
  /** `undefined` past the end. */
  readonly current: Message | undefined;
  advance(): void | Promise<void>;
}

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
  // Read before the stream is asked: the window may have moved by its answer.
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

interface WalkOptions {
  readonly stream: Pick<Stream, "next" | "some">;
  readonly epoch: string;
  readonly subject: string;
  /** Topics; messages of others are skipped. */
  readonly wanted: ReadonlySet<string>;
  /** A sequence, exclusive. */
  readonly after: number;
  /** An entry's number, inclusive. */
  readonly through: number;
}

class StreamCursor implements Cursor {
  readonly #options: WalkOptions;
  #messages: readonly Message[] = [];
  #index = 0;
  #from: number;
  #fetches = 0;
  #ended = false;

  /** Has no `current` until it is advanced. */
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
