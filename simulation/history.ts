/**
 * Every message of a world as the checkers know it: what was submitted, what was handed to listeners, and
 * what the log must still have. Told from the outside; it asks the disk, and never the log.
 *
 * @module
 */

import type { Row } from "../gateway/log/mod.ts";
import type { Draft, Message } from "../gateway/ports.ts";
import type { DiskOptions } from "./disk.ts";
import type { Report } from "./violation.ts";

/** The content of every message. */
export interface Content {
  /** Counts up over the world; tells messages apart. */
  readonly n: number;
  /** Makes it as long as it is. */
  readonly pad: string;
}

/** What is durable. */
export interface Durable {
  /** How much is kept. */
  readonly options: DiskOptions;
  /** The first part of every id. */
  readonly epoch: string;
  /** The last sequence. */
  readonly head: number;
}

/** How far one node has told its listeners. */
export class Told {
  readonly #report: Report;
  #head: number;
  #before: number;
  #atMs = -1;

  /** Begins at `head`. */
  constructor(head: number, report: Report) {
    this.#head = this.#before = head;
    this.#report = report;
  }

  /** The sequence of the last message that listeners were told. */
  get head(): number {
    return this.#head;
  }

  /** The same, as it was before the millisecond `atMs`. */
  headBefore(atMs: number): number {
    return this.#atMs === atMs ? this.#before : this.#head;
  }

  /** Listeners are told of the message `sequence`. */
  advance(sequence: number, atMs: number): void {
    if (sequence !== this.#head + 1) {
      this.#report("total order", `${sequence} follows the message with sequence ${this.#head}`);
    }
    if (this.#atMs !== atMs) this.#before = this.#head;
    this.#atMs = atMs;
    this.#head = sequence;
  }
}

/** A message that was handed to listeners. */
export interface HistoryEntry {
  readonly sequence: number;
  readonly draft: Draft;
  readonly serial: number;
  /** Wall time that the message carries. */
  readonly time: number;
  /** When it was submitted, on the scale of {@linkcode History.wallClockShows}. */
  readonly bornAtMs: number;
  /** About the length of its frame. */
  readonly bytes: number;
  /** The text of its frame, once one was found to be right. */
  frame: string | undefined;
}

interface Submitted {
  readonly draft: Draft;
  readonly bytes: number;
  readonly bornAtMs: number;
  sequence: number | undefined;
}

/** The messages of a world. */
export class History {
  /** How many messages have arrived at clients. */
  arrivals = 0;
  readonly #disk: Durable;
  readonly #report: Report;
  readonly #submitted = new Map<number, Submitted>();
  /** By sequence, less one. */
  readonly #entries: HistoryEntry[] = [];
  #wallMs: number | undefined;
  /** Grows as the wall clock does, and stays when that is set back: no log finds anything older. */
  #ageMs = 0;
  /** What an earlier process has found on the disk. */
  #recoveredThrough = 0;
  /** Entries that age may have taken. */
  #tooOld = 0;

  /** A history without messages. */
  constructor(disk: Durable, report: Report) {
    this.#disk = disk;
    this.#report = report;
  }

  /** The sequence of the last message that listeners were told of. */
  get head(): number {
    return this.#entries.length;
  }

  /** The entries after `sequence`, in order. */
  after(sequence: number): readonly HistoryEntry[] {
    return this.#entries.slice(sequence);
  }

  /** The entry with this sequence. */
  at(sequence: number): HistoryEntry | undefined {
    return this.#entries[sequence - 1];
  }

  /** Whether everything after `sequence` must still be kept, whatever the wall clock did. */
  isSurelyStored(sequence: number): boolean {
    const oldest = this.#ageMs - this.#disk.options.retentionMs;
    while ((this.#entries[this.#tooOld]?.bornAtMs ?? Infinity) <= oldest) this.#tooOld++;
    return sequence >= Math.max(this.#tooOld, this.#disk.head - this.#disk.options.retentionRows);
  }

  /** The wall clock shows `ms`; to be told before and after it is set. */
  wallClockShows(ms: number): void {
    this.#ageMs += Math.max(0, ms - (this.#wallMs ?? ms));
    this.#wallMs = ms;
  }

  /** The backend is about to publish `draft`. */
  submitted(draft: Draft): void {
    const { n, pad } = contentOf(draft);
    this.#submitted.set(n, {
      draft,
      bytes: pad.length + 120,
      bornAtMs: this.#ageMs,
      sequence: undefined,
    });
  }

  /** `message` is durable, and listeners are told of it. */
  notify(message: Message): HistoryEntry {
    const { sequence, id } = message;
    if (sequence !== this.head + 1) {
      this.#report("total order", `${id} follows the message with sequence ${this.head}`);
    }
    if (sequence > this.#disk.head) {
      this.#report("durable before it is told", `${id} is spread and not on the disk yet`);
    }
    return this.#add(message);
  }

  /**
   * A process has opened what `rows` the disk keeps: everything that listeners were told must be among
   * them, and what a crash kept without an answer is told from now on.
   */
  recovered(rows: readonly Row[]): void {
    if (this.#disk.head < this.head) {
      const lost = `messages ${this.#disk.head + 1} to ${this.head} are not on the disk any more`;
      this.#report("accepted messages survive a crash", lost);
    }
    for (const { sequence, time, body } of rows) {
      if (sequence <= this.#recoveredThrough) continue;
      const [author, content]: [string, Content] = JSON.parse(body);
      const draft = this.#submitted.get(content.n)?.draft ?? { author, content: { ...content } };
      if (sequence > this.head) this.#add({ ...draft, id: "", sequence, time });
      else if (this.at(sequence)?.serial !== content.n) {
        this.#report("accepted messages survive a crash", `another message is at ${sequence}`);
      }
    }
    this.#recoveredThrough = this.head;
  }

  /** A publish was answered with these ids for `drafts`. */
  accepted(drafts: readonly Draft[], messages: readonly Pick<Message, "id" | "time">[]): void {
    drafts.forEach((draft, index) => {
      const { n } = contentOf(draft);
      const { sequence } = this.#submitted.get(n) ?? {};
      const id = messages[index]?.id;
      if (sequence === undefined || id !== `${this.#disk.epoch}-${sequence}`) {
        const place = sequence === undefined ? "nowhere" : `at ${sequence}`;
        this.#report("201 means kept", `message ${n} was accepted as ${id} and is ${place}`);
      }
      if (sequence > this.#disk.head) {
        this.#report("201 means kept", `${id} was accepted and is not durable`);
      }
    });
  }

  #add(message: Message): HistoryEntry {
    const { sequence, time } = message;
    const { n: serial, pad } = contentOf(message);
    const submitted = this.#submitted.get(serial);
    if (submitted === undefined) {
      return this.#report("nothing is made up", `message ${sequence} was never submitted`);
    }
    const { draft, bytes, bornAtMs } = submitted;
    if (submitted.sequence !== undefined) {
      const twice = `message ${serial} is at ${submitted.sequence} and at ${sequence}`;
      this.#report("published once", twice);
    }
    const same = message.user === draft.user && message.channel === draft.channel &&
      message.author === draft.author && pad === contentOf(draft).pad;
    if (!same) this.#report("kept as it was submitted", `message ${sequence} has changed`);
    submitted.sequence = sequence;
    const entry = {
      sequence,
      draft,
      serial,
      time,
      bornAtMs,
      bytes,
      frame: undefined,
    };
    this.#entries.push(entry);
    return entry;
  }
}

/** The content of a simulated draft or message. */
export function contentOf({ content }: Pick<Draft, "content">): Content {
  if (typeof content === "object" && content !== null && "n" in content && "pad" in content) {
    const { n, pad } = content;
    if (typeof n === "number" && typeof pad === "string") return { n, pad };
  }
  return { n: -1, pad: "" };
}
